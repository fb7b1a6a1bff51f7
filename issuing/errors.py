"""Why a card cannot be made or changed; the messages are fit for the cardholder's eyes."""

from collections.abc import Sequence

from onecard.kit.errors import OneCardError
from onecard.kit.words import Words
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


class FrozenByOthersError(CardRefusedError):
    """The card was frozen or suspended by somebody else than its holder, and only they may undo it."""

    code = "card_frozen_by_others"


class MoneyUnderWayError(CardRefusedError):
    """The card cannot be closed yet: a purchase or a top-up of it is under way."""

    code = "card_money_under_way"


class CardNotReadyError(CardRefusedError):
    """The person cannot get a card yet; `errors` names what is missing."""

    code = "card_not_ready"

    def __init__(self, message: str, *, errors: dict[str, list[str]]) -> None:
        super().__init__(message)
        self.errors = errors


class LimitTooHighError(CardRefusedError):
    """A limit would be above what One Card allows its holder to set; `errors` names each."""

    code = "card_limit_too_high"

    def __init__(self, message: str, *, errors: dict[str, list[str]]) -> None:
        super().__init__(message)
        self.errors = errors


class ReadOnlyError(CardRefusedError):
    """Cards cannot be made or changed for now, and nothing was; `retry_after_s` says when to come back."""

    code = "cards_read_only"

    def __init__(self, message: Words, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
