"""Messages that move money in a way that nothing here books: kept, with a case for a person."""

from typing import Any

from issuing.event_content import content_of
from issuing.models import IssuerEvent
from onecard.kit.errors import OneCardError
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent
from onecard.kit.text import clean_text
from wallet import cases
from wallet.models import Case


class UnhandledMoneyError(OneCardError):
    """The message moves money, and nothing here says what to do about it; nothing has been written by then."""

    code = "unhandled_money"


def carries_amount(content: dict[str, Any]) -> bool:
    """Whether an event's object says any amount that is not zero."""
    names = (name for name in content if name == "amount" or name.startswith("amount_"))
    return any(content[name] not in (None, 0, "0", "", [], {}) for name in names)


def open_case(event: IssuerEvent, why: str) -> None:
    """Opens the case of a message, in the caller's transaction: one for all messages about the same object."""
    same = IssuerEvent.objects.filter(provider=event.provider, object_id=event.object_id)
    first = same.order_by("pk").values_list("pk", flat=True).first() if event.object_id else event.pk
    cases.open_case(
        kind=Case.Kind.UNHANDLED_MONEY,
        reference=f"issuerevent:{first}",
        money=_money(event),
        summary=f"{event.event_type} {event.object_id}: {why}",
    )


def _money(event: IssuerEvent) -> Money:
    """What the message says, as far as it can be read; who works on the case sees the message itself."""
    content = content_of(event)
    currency = clean_text(content.get("currency") or content.get("currency_code"), limit=3).upper()
    try:
        currency_exponent(currency)
        is_major = "currency_code" in content
        amount = content.get("amount")
        money = Money.read(amount, currency) if is_major else Money(_whole(amount), currency)
    except (MoneyError, TypeError):
        return Money(0, "USD")
    return Money(min(abs(money.minor), MAX_AMOUNT_MINOR), currency)


def _whole(amount: object) -> int:
    return amount if type(amount) is int else 0
