"""Amounts that staff enter: a transaction's converted amount, a top-up, a card's raised limits.

Each is checked here, recorded by wallet/entered/amounts.py, and carried out at once or when a second person agrees.
"""

from collections.abc import Callable
from typing import Final

from django.utils.translation import gettext as _

from audit import trail
from issuing import locking, states
from issuing.billing import top_ups
from issuing.cards import service as cards
from issuing.clearing import currency_conversion
from issuing.errors import CardRefusedError
from issuing.issuers.base import Limits
from issuing.limits.cardholder_limits import FIELDS, limits_of, why_out_of_order
from issuing.models import CardFunding, CardTransaction, VirtualCard
from issuing.operations import availability
from onecard.kit.money import Money
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import lock_name, transaction
from onecard.users.models import User
from wallet import reference_rates
from wallet.entered import amounts as entered_amounts
from wallet.entered.amounts import Kind, KindHandler, is_too_much_alone
from wallet.models import EnteredAmount, FundingMethod

# No card needs more, in US cents: this stops a decimal point that is two digits off.
HIGHEST_LIMIT: Final = 100_000_000
LIMITS: Final = ("per_transaction_limit_minor", "daily_limit_minor", "monthly_limit_minor")


def install() -> None:
    """Registers how each kind is carried out."""
    entered_amounts.register(Kind.CONVERSION, KindHandler(_apply_conversion, lock=_lock_movement))
    entered_amounts.register(Kind.TOP_UP, KindHandler(_apply_top_up))
    entered_amounts.register(Kind.LIMITS, KindHandler(_apply_limits, lock=_lock_card, check=_refuse_when_read_only))


def enter_converted_amount(
    *, movement: CardTransaction, converted_minor: int, reason: str, user: User
) -> EnteredAmount:
    """Enters a movement's converted amount. Raises ConversionRefusedError and EnteredRefusedError."""
    currency_conversion.check(movement, converted_minor=converted_minor, reason=reason)
    purchase = movement.authorization
    assert purchase is not None  # noqa: S101  (the check has said so)
    return entered_amounts.enter(
        kind=Kind.CONVERSION,
        reference=movement.reference,
        cardholder=purchase.card.cardholder if purchase.card else None,
        amount=Money(converted_minor, purchase.currency),
        reason=reason,
        user=user,
        always_two=currency_conversion.takes_two(movement, purchase, converted_minor),
    )


def put_on_card(*, card: VirtualCard, amount: Money, source: FundingMethod, key: str, user: User) -> EnteredAmount:
    """Tops up a card from one of its holder's own cards; the same key is the same request.

    Without a second person it is recorded and not charged yet: `card_funding.fund_card` with the key goes on. Raises
    CardRefusedError, UnusableMethodError and EnteredRefusedError.
    """
    with transaction():
        lock_name(f"issuing.put_on_card:{card.pk}")
        known = EnteredAmount.objects.filter(kind=Kind.TOP_UP, reference=_name(card), details__request_key=key).first()
        if known is not None:
            return known
        top_ups.check(card, amount, source)
        top_ups.refuse_more_than_a_month(card, amount)
        return entered_amounts.enter(
            kind=Kind.TOP_UP,
            reference=_name(card),
            cardholder=card.cardholder,
            amount=amount,
            reason=f"From {source}, on the card's page.",
            user=user,
            details={"request_key": key, "source": source.pk},
        )


def change_limits(
    *, card: VirtualCard, is_as_shown: Callable[[Limits], bool], wanted: Limits, reason: str, user: User
) -> EnteredAmount | None:
    """Changes a card's limits because staff say why: at once, and at the issuer as soon as it answers.

    What is raised above the threshold waits for a second person, and the proposal is returned. Raises CardRefusedError
    for limits out of order, too high or negative, for a closed card, without a reason, and where the limits are not
    those that the page showed (`is_as_shown`); its ReadOnlyError; and EnteredRefusedError. Then nothing has changed.
    """
    words = checked_reason(reason, error=CardRefusedError)
    availability.refuse_when_read_only(card.issuer_provider)
    with transaction():
        locked = locking.lock_card(card.pk)
        if locked.status == states.Card.CLOSED:
            raise CardRefusedError(_("This card is closed; its limits can no longer be changed."))
        before = limits_of(locked)
        if not is_as_shown(before):
            raise CardRefusedError(_("The limits were changed after you opened the page. Open it again."))
        at_once = _alone(before, wanted)
        _refuse_wrong(wanted, at_once)
        _set_at_once(locked, before, at_once, words, user)
        if at_once == wanted:
            return None
        return propose_limits(card=locked, before=at_once, after=wanted, reason=words, user=user)


def propose_limits(*, card: VirtualCard, before: Limits, after: Limits, reason: str, user: User) -> EnteredAmount:
    """Proposes raised limits to a second person, in the caller's transaction under the card's lock."""
    raised = max(new for old, new in _pairs(before, after) if new > old)
    return entered_amounts.enter(
        kind=Kind.LIMITS,
        reference=_name(card),
        cardholder=card.cardholder,
        amount=Money(raised, card.currency),
        reason=reason,
        user=user,
        details={"before": list(_amounts(before)), "after": list(_amounts(after))},
        always_two=True,
    )


def why_not_limit(money: Money) -> str:
    """Returns why a card cannot have such a limit, or ""."""
    cents = reference_rates.in_dollars(money)
    if cents is not None and cents > HIGHEST_LIMIT:
        return f"No card is given a limit above {reference_rates.from_dollars(HIGHEST_LIMIT, money.currency)}."
    return ""


def _alone(before: Limits, wanted: Limits) -> Limits:
    """Returns the limits that one person may set: what would be raised above the threshold stays as it is."""
    amounts = {
        name: old if new > old and is_too_much_alone(Kind.LIMITS, Money(new, wanted.currency)) else new
        for name, old, new in zip(FIELDS, _amounts(before), _amounts(wanted), strict=True)
    }
    return Limits(**amounts, currency=wanted.currency)


def _refuse_wrong(wanted: Limits, at_once: Limits) -> None:
    """Both the limits that hold at once and those that hold once a second person agrees have to be right."""
    for minor in _amounts(wanted):
        if minor < 0:
            raise CardRefusedError(_("A limit is not negative; 0 allows nothing."))
        if why_not := why_not_limit(Money(minor, wanted.currency)):
            raise CardRefusedError(why_not)
    if why_not := why_out_of_order(wanted):
        raise CardRefusedError(why_not)
    if why_not := why_out_of_order(at_once):
        raise CardRefusedError(
            _("%(why)s The higher one waits for a second person: raise this one after that.") % {"why": why_not}
        )


def _set_at_once(card: VirtualCard, before: Limits, after: Limits, words: str, user: User) -> None:
    changes = {name: [old, new] for name, (old, new) in zip(LIMITS, _pairs(before, after), strict=True) if old != new}
    if not changes:
        return
    VirtualCard.objects.filter(pk=card.pk).update(**{name: new for name, (_old, new) in changes.items()})
    actor = f"user:{user.pk}"
    trail.record(actor=actor, action="virtualcard.changed", subject=card, changes=changes, reason=words)
    cards.request_limits_push(card=card, requested_by=actor)


def _apply_conversion(entered: EnteredAmount) -> None:
    currency_conversion.enter_converted_amount(
        transaction=CardTransaction.objects.get(pk=_key(entered)),
        converted_minor=entered.amount_minor,
        reason=entered.reason,
        actor=f"user:{entered.entered_by_id}",
        agreed_by=f"user:{entered.agreed_by_id}" if entered.agreed_by_id else "",
    )


def _apply_top_up(entered: EnteredAmount) -> CardFunding:
    """Records the top-up with its charge and the worker's message; the worker charges it shortly after."""
    return top_ups.intend(
        card=VirtualCard.objects.select_related("cardholder").get(pk=_key(entered)),
        amount=entered.money,
        source=FundingMethod.objects.get(pk=entered.details["source"]),
        requested_by=f"user:{entered.entered_by_id}",
        request_key=entered.details["request_key"],
    )


def _apply_limits(entered: EnteredAmount) -> None:
    """Raises the limits only if they are still those that the first person saw."""
    card = VirtualCard.objects.get(pk=_key(entered))
    before, after = entered.details["before"], entered.details["after"]
    if card.status == states.Card.CLOSED:
        raise CardRefusedError("This card is closed; its limits can no longer be changed.")
    if [getattr(card, name) for name in LIMITS] != before:
        raise CardRefusedError("The card's limits were changed meanwhile: withdraw this, and raise them anew.")
    if why_not := why_out_of_order(Limits(*after)):
        raise CardRefusedError(f"{why_not} Withdraw this, and raise them anew.")
    VirtualCard.objects.filter(pk=card.pk).update(**dict(zip(LIMITS, after, strict=True)))
    changes = {name: [old, new] for name, old, new in zip(LIMITS, before, after, strict=True) if old != new}
    trail.record(
        actor=entered_amounts.actors(entered),
        action="virtualcard.changed",
        subject=card,
        changes=changes,
        reason=entered.reason,
    )
    cards.request_limits_push(card=card, requested_by=f"user:{entered.entered_by_id}")


def _lock_movement(entered: EnteredAmount) -> None:
    """Locks the movement with its purchase, before the proposal; the locks last until the transaction ends."""
    movement = CardTransaction.objects.get(pk=_key(entered))
    with locking.locked_names(movement.provider, movement.issuer_transaction_id):
        pass


def _lock_card(entered: EnteredAmount) -> None:
    locking.lock_card(int(_key(entered)))


def _refuse_when_read_only(entered: EnteredAmount) -> None:
    provider = VirtualCard.objects.values_list("issuer_provider", flat=True).get(pk=_key(entered))
    availability.refuse_when_read_only(provider)


def _name(card: VirtualCard) -> str:
    return f"virtualcard:{card.pk}"


def _key(entered: EnteredAmount) -> str:
    return entered.reference.partition(":")[2]


def _amounts(limits: Limits) -> tuple[int, int, int]:
    return limits.per_transaction_minor, limits.daily_minor, limits.monthly_minor


def _pairs(before: Limits, after: Limits) -> list[tuple[int, int]]:
    return list(zip(_amounts(before), _amounts(after), strict=True))
