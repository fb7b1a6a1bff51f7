"""Why a card cannot be made or changed; the messages are fit for the cardholder's eyes."""

from collections.abc import Sequence

from onecard.kit.errors import OneCardError
from wallet.kyc.fields import in_words, nested


class CardRefusedError(OneCardError):
    """The card may not be made or changed so."""

    code = "card_refused"


class IncompletePersonError(CardRefusedError):
    """The profile lacks what the issuer asks for; `errors` names each field."""

    code = "profile_incomplete"

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"Your profile is not complete. Missing: {in_words(list(missing))}.")
        self.missing = list(missing)
        self.errors = nested({name: ["It is missing."] for name in missing})


class ReadOnlyError(CardRefusedError):
    """Cards cannot be made or changed for now, and nothing was; `retry_after_s` says when to come back."""

    code = "cards_read_only"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
