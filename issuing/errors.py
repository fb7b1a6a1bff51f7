"""Why a card cannot be made or changed; the messages are fit for the cardholder's eyes."""

from onecard.kit.errors import OneCardError


class CardRefusedError(OneCardError):
    """The card may not be made or changed so."""

    code = "card_refused"


class ReadOnlyError(CardRefusedError):
    """Cards cannot be made or changed for now, and nothing was; `retry_after_s` says when to come back."""

    code = "cards_read_only"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
