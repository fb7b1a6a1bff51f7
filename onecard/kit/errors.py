"""The base of every error that a person may read."""

from onecard.kit.redaction import redact


class OneCardError(Exception):
    """Something went wrong in a way that we foresaw: a sentence for people, a code for machines.

    The sentence may quote what another service said, so secrets are taken out of it. Subclasses live beside the
    function that raises them.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.message = redact(message)
        super().__init__(self.message)
        if code is not None:
            self.code = code
