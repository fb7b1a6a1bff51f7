"""Stores messages about money that no handler here books, with a case for staff."""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from issuing.inbox.content import content_of
from issuing.models import IssuerEvent, Provider
from onecard.kit.currency_units import from_stripe
from onecard.kit.errors import OneCardError
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError
from onecard.kit.text import clean_text
from wallet import cases
from wallet.models import Case
from wallet.references import Subject

# Keys of amounts that only limit or price, and move no money.
NO_MOVEMENTS = frozenset(
    {"limits", "mandate_options", "plan", "price", "single_use", "spending_controls", "spending_limits"}
)
# Keys of an amount in an object that names a currency too.
BESIDE_A_CURRENCY = frozenset({"fee", "gross", "net", "sum", "total", "value"})
CURRENCIES = ("currency_code", "currency")
# A message of Marqeta or Stripe has some hundred members at most.
MOST_MEMBERS = 20_000


class UnhandledMoneyError(OneCardError):
    """The message moves money and no handler knows it. Nothing was written."""

    code = "unhandled_money"


def carries_amount(content: dict[str, Any]) -> bool:
    """Returns whether an event's object has any amount other than zero, at any depth and in any form."""
    return next(_amounts(content), None) is not None


def _amounts(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yields every amount other than zero with the object that holds it, outermost first."""
    places: deque[Any] = deque([content])
    for _ in range(MOST_MEMBERS):
        if not places:
            return
        place = places.popleft()
        if isinstance(place, dict):
            yield from ((place, value) for name, value in place.items() if _is_amount(place, str(name).lower(), value))
            places.extend(value for name, value in place.items() if name not in NO_MOVEMENTS and _is_nested(value))
        else:
            places.extend(filter(_is_nested, place))


def _is_nested(value: object) -> bool:
    return isinstance(value, dict | list)


def _is_amount(place: dict[str, Any], name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value and name.startswith("amount")
    is_named = "amount" in name or (name in BESIDE_A_CURRENCY and any(place.get(each) for each in CURRENCIES))
    return is_named and _is_something(value)


def _is_something(amount: object) -> bool:
    """Returns whether a value may be an amount other than zero. An unreadable value may be; objects are searched."""
    if isinstance(amount, dict | list):
        members = amount.values() if isinstance(amount, dict) else amount
        return any(_is_number(each) and _is_something(each) for each in members)
    if not isinstance(amount, str):
        return bool(amount)
    try:
        return bool(Decimal(amount.strip() or "0"))
    except InvalidOperation:
        return True


def _is_number(value: object) -> bool:
    is_text = isinstance(value, str) and value.strip()[:1] in "-+.0123456789"
    return is_text or (isinstance(value, int | Decimal) and not isinstance(value, bool))


def open_case(event: IssuerEvent, why: str) -> None:
    """Opens one case, in the caller's transaction, for all messages about the same object."""
    same = IssuerEvent.objects.filter(provider=event.provider, object_id=event.object_id)
    first = same.order_by("pk").values_list("pk", flat=True).first() if event.object_id else event.pk
    cases.open_case(
        kind=Case.Kind.UNHANDLED_MONEY,
        reference=Subject.ISSUER_EVENT.reference(first or event.pk),
        money=_money(event),
        summary=f"{event.event_type} {event.object_id}: {why}",
    )


def _money(event: IssuerEvent) -> Money:
    """Returns the amount of the message as far as it can be read; staff see the message itself."""
    content = content_of(event)
    for place, amount in _amounts(content):
        # An amount may be an object with its number and its currency.
        inside = amount if isinstance(amount, dict) else {}
        number = next(filter(_is_number, inside.values()), None) if inside else amount
        named = (_currency(inside), _currency(place), _currency(content))
        try:
            money = _read(event, number, next(filter(None, named), ""))
        except (MoneyError, TypeError, ValueError):
            continue
        return Money(min(abs(money.minor), MAX_AMOUNT_MINOR), money.currency)
    return cases.NO_MONEY


def _read(event: IssuerEvent, number: Any, currency: str) -> Money:
    """Reads an amount: Marqeta writes whole units, the others write Stripe's units."""
    if isinstance(number, bool):
        raise MoneyError(f"{number} is no amount.")
    return Money.read(number, currency) if event.provider == Provider.MARQETA else from_stripe(number, currency)


def _currency(place: dict[str, Any]) -> str:
    return next((clean_text(place[name], limit=3).upper() for name in CURRENCIES if place.get(name)), "")
