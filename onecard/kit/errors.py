"""The base of every error that a person may read."""

from onecard.kit.redaction import redact


class OneCardError(Exception):
    """An expected failure: a sentence for people and a code for machines.

    The sentence may quote another service, so secrets are removed from it. Subclasses are next to the function that
    raises them.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.message = redact(message)
        super().__init__(self.message)
        if code is not None:
            self.code = code
