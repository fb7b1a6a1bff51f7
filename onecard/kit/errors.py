"""The base of every error that a person may read."""

from onecard.kit.redaction import redact
from onecard.kit.words import Words


class OneCardError(Exception):
    """An expected failure: a sentence for people and a code for machines.

    The sentence may quote another service, so secrets are removed from it. A lazy one is translated when it is shown,
    not where it was raised, where it may be stored in English. Subclasses are next to the function that raises them.
    """

    code = "error"

    def __init__(self, message: Words, *, code: str | None = None) -> None:
        self._words = message
        super().__init__(self.message)
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        """The sentence in the language of whoever reads it, without secrets."""
        return redact(str(self._words))
