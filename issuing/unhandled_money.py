"""Messages that move money in a way that nothing here books: kept, with a case for a person."""

from typing import Any

from issuing.event_content import content_of
from issuing.models import IssuerEvent
from onecard.kit.errors import OneCardError
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent
from onecard.kit.text import clean_text
from wallet import cases
from wallet.models import Case

# Where a message of Marqeta says what is funded.
ORDERS = ("gpa_order", "gpa_order_unload")


class UnhandledMoneyError(OneCardError):
    """The message moves money, and nothing here says what to do about it; nothing has been written by then."""

    code = "unhandled_money"


def carries_amount(content: dict[str, Any]) -> bool:
    """Whether an event's object, or its order at Marqeta, says any amount that is not zero."""
    places = (content, *(content.get(name) for name in ORDERS))
    told = [place for place in places if isinstance(place, dict)]
    return any(_is_something(place[name]) for place in told for name in place if name.startswith("amount"))


def _is_something(amount: object) -> bool:
    """A zero in any notation is nothing; what cannot be read may be anything."""
    if isinstance(amount, str):
        return bool(amount.strip("0. "))
    return bool(amount)


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
        amount = _first_amount(content)
        money = Money.read(amount, currency) if is_major else Money(_whole(amount), currency)
    except (MoneyError, TypeError):
        return Money(0, "USD")
    return Money(min(abs(money.minor), MAX_AMOUNT_MINOR), currency)


def _first_amount(content: dict[str, Any]) -> Any:
    places = (content, *(content.get(name) for name in ORDERS))
    return next((place["amount"] for place in places if isinstance(place, dict) and place.get("amount")), None)


def _whole(amount: object) -> int:
    return amount if type(amount) is int else 0
