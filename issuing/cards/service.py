"""The actions on a card: one function each, for API, admin, commands and webhooks.

Each commits the request with its trail and its message first, and asks the issuer afterwards
(issuing/cards/changes.py). Whatever protects the cardholder holds here at once, before the issuer knows: a frozen or
closed card declines from that commit on, and new limits hold.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from issuing import locking, states
from issuing.cards import changes as card_changes
from issuing.cards import comparison as card_comparison
from issuing.cards import flags, holder_rights
from issuing.cards.change_records import intend, repeated
from issuing.cards.restriction import Asked, not_in_this_state, restrict
from issuing.errors import CardRefusedError, IncompletePersonError, ReadOnlyError
from issuing.issuers.base import Limits
from issuing.limits.cardholder_limits import why_out_of_order
from issuing.models import CardChange, IssuerAccount, SyncDifference, VirtualCard
from issuing.operations import availability, rollout
from onecard.kit.money import MAX_AMOUNT_MINOR, MoneyError, currency_exponent
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from wallet.kyc.fields import missing
from wallet.kyc.flags import is_blocked
from wallet.models import Cardholder

ON_HOLD = "This card cannot be made or used for now. Our support can tell you more."
DEFAULT_LIMITS = Limits(per_transaction_minor=50_000, daily_minor=100_000, monthly_minor=500_000)

__all__ = [
    "DEFAULT_LIMITS",
    "CardRefusedError",
    "IncompletePersonError",
    "ReadOnlyError",
    "activate",
    "close",
    "create_virtual_card",
    "freeze",
    "request_limits_push",
    "sync",
    "unfreeze",
    "update_spending_limits",
]


def create_virtual_card(
    *,
    cardholder: Cardholder,
    card_type: str,
    requested_by: str,
    currency: str = "USD",
    limits: Limits = DEFAULT_LIMITS,
    provider: str | None = None,
    replaces: VirtualCard | None = None,
) -> VirtualCard:
    """Orders a card at the issuer and returns it; it waits to be activated.

    The issuer is `provider`, or the one that the rollout gives this person, or the backup while that one is down.
    Raises CardRefusedError without verified identity, with a blocking compliance flag or with wrong limits, its
    IncompletePersonError naming what the profile lacks, and its ReadOnlyError while no issuer
    accepts changes. When the issuer does not answer, the card stays pending without an issuer's id and is made later,
    once, under the same key.
    """
    check_person(cardholder)
    _refuse_incomplete(cardholder)
    _check_limits(limits, currency)
    if provider is None:
        provider = availability.open_provider(rollout.provider_for(cardholder.user))
    availability.refuse_when_read_only(provider)
    row = VirtualCard(
        cardholder=cardholder,
        card_type=_known_type(card_type),
        issuer_provider=provider,
        replaces=replaces,
        currency=currency,
        per_transaction_limit_minor=limits.per_transaction_minor,
        daily_limit_minor=limits.daily_minor,
        monthly_limit_minor=limits.monthly_minor,
    )
    with transaction():
        change = intend_creation(row, requested_by=requested_by)
    return _carry_out(change)


def intend_creation(card: VirtualCard, *, requested_by: str, key: uuid.UUID | None = None) -> CardChange:
    """Records a new card and its order in the caller's transaction; a worker or `changes.carry_out` sends it."""
    IssuerAccount.objects.get_or_create(cardholder=card.cardholder, provider=card.issuer_provider)
    card.save(force_insert=True)
    return intend(card, CardChange.Kind.CREATE, requested_by=requested_by, key=key)


def activate(*, card: VirtualCard, requested_by: str, key: uuid.UUID | None = None) -> VirtualCard:
    """Makes a new card usable once the issuer confirms; raises CardRefusedError for a card in another state."""
    check_usable(card)
    availability.refuse_when_read_only(card.issuer_provider)
    return _change_later(card, CardChange.Kind.ACTIVATE, requested_by, key, from_states=(states.Card.PENDING,))


def unfreeze(
    *,
    card: VirtualCard,
    requested_by: str,
    key: uuid.UUID | None = None,
    check: Callable[[VirtualCard], None] = lambda _locked: None,
) -> VirtualCard:
    """Makes a frozen card usable once the issuer confirms; raises CardRefusedError for a card in another state.

    Its holder may undo only their own freeze: FrozenByOthersError says who can. `check` sees the card under its lock;
    it refuses, or records why in the commit of the request.
    """
    check_usable(card)
    availability.refuse_when_read_only(card.issuer_provider)
    from_states = (states.Card.FROZEN,)
    return _change_later(card, CardChange.Kind.UNFREEZE, requested_by, key, from_states=from_states, check=check)


def freeze(
    *,
    card: VirtualCard,
    reason: str,
    requested_by: str,
    key: uuid.UUID | None = None,
    is_recorded_anyway: bool = False,
) -> VirtualCard:
    """Stops new purchases at once, and asks the issuer; raises CardRefusedError when the card cannot be frozen.

    A card that its holder froze can be frozen by One Card too, and one that is being unfrozen can be frozen again.
    With `is_recorded_anyway` a card that is frozen already gets a further freeze, which only its reason sets apart.
    Earlier approvals can still be captured (docs/issuers/stripe.md, Card status). Read-only mode does not stop it: a
    lost card must decline here at once, whatever the issuer knows.
    """
    asked = Asked(reason, requested_by, key, is_recorded_anyway=is_recorded_anyway)
    return _change_now(card, CardChange.Kind.FREEZE, states.Card.FROZEN, asked)


def close(*, card: VirtualCard, reason: str, requested_by: str, key: uuid.UUID | None = None) -> VirtualCard:
    """Closes a card for good, at once, and asks the issuer; raises CardRefusedError when it is closed already.

    Its holder cannot close it while money is under way (MoneyUnderWayError). Its balance stays the holder's: their
    next card takes it over (issuing/cards/orders.py).
    """
    availability.refuse_when_read_only(card.issuer_provider)
    return _change_now(card, CardChange.Kind.CLOSE, states.Card.CLOSED, Asked(reason, requested_by, key))


def update_spending_limits(*, card: VirtualCard, limits: Limits, requested_by: str) -> VirtualCard:
    """Sets the card's limits: here at once, at the issuer as soon as it answers; raises CardRefusedError."""
    return change_limits(card=card, wanted=lambda _locked: limits, requested_by=requested_by)


def change_limits(*, card: VirtualCard, wanted: Callable[[VirtualCard], Limits], requested_by: str) -> VirtualCard:
    """As `update_spending_limits`; `wanted` sees the card under its lock, and returns its limits or refuses."""
    availability.refuse_when_read_only(card.issuer_provider)
    with transaction():
        locked = locking.lock_card(card.pk)
        if locked.status == states.Card.CLOSED:
            raise CardRefusedError(gettext_lazy("This card is closed; its limits can no longer be changed."))
        limits = wanted(locked)
        _check_limits(limits, card.currency)
        VirtualCard.objects.filter(pk=card.pk).update(
            per_transaction_limit_minor=limits.per_transaction_minor,
            daily_limit_minor=limits.daily_minor,
            monthly_limit_minor=limits.monthly_minor,
        )
        change = intend(locked, CardChange.Kind.LIMITS, requested_by=requested_by)
    return _carry_out(change)


def sync(*, card: VirtualCard, requested_by: str) -> list[SyncDifference]:
    """Compares the card with its issuer and resolves differences by comparison_rules.py; raises IssuerError."""
    return card_comparison.sync_card(card.pk, actor=requested_by)


def request_limits_push(*, card: VirtualCard, requested_by: str) -> None:
    """Requests that the issuer gets the limits that the caller's transaction changed (the admin form)."""
    intend(card, CardChange.Kind.LIMITS, requested_by=requested_by)


def _change_later(
    card: VirtualCard,
    kind: str,
    requested_by: str,
    key: uuid.UUID | None,
    *,
    from_states: tuple[str, ...],
    check: Callable[[VirtualCard], None] = lambda _locked: None,
) -> VirtualCard:
    """Asks the issuer first and then changes the card here: for what lets the cardholder do more."""
    with transaction():
        locked = locking.lock_card(card.pk)
        change = repeated(kind, key, card=locked)
        if change is None:
            holder_rights.refuse_undoing(locked, requested_by)
            if locked.status not in from_states:
                raise not_in_this_state(locked)
            check(locked)
            change = intend(locked, kind, requested_by=requested_by, key=key)
    return _carry_out(change)


def _change_now(card: VirtualCard, kind: str, target: str, asked: Asked) -> VirtualCard:
    """Changes the card here first and then asks the issuer, which may be slow: for what restricts the card."""
    words = checked_reason(asked.reason, error=CardRefusedError)
    with transaction():
        locked = locking.lock_card(card.pk)
        change = repeated(kind, asked.key, card=locked)
        if change is None:
            if target == states.Card.CLOSED:
                holder_rights.refuse_closing(locked, asked.requested_by)
            change = restrict(locked, kind, target, replace(asked, reason=words))
    return _carry_out(change)


def _carry_out(change: CardChange) -> VirtualCard:
    """Asks the issuer at once; if that fails, the message and the sweeper try again."""
    card_changes.carry_out(change_id=change.pk)
    return VirtualCard.objects.select_related("cardholder").get(pk=change.card_id)


def check_person(cardholder: Cardholder) -> None:
    """Raises CardRefusedError for a person without verified identity, or with a flag that stops every card."""
    if not cardholder.kyc_verified:
        raise CardRefusedError(gettext_lazy("Your identity is not verified yet; a card can be used once it is."))
    if is_blocked(cardholder):
        raise CardRefusedError(ON_HOLD)


def check_usable(card: VirtualCard) -> None:
    """Raises CardRefusedError for a card that its holder, or a flag of either, keeps from being used."""
    check_person(card.cardholder)
    if flags.is_blocked(card):
        raise CardRefusedError(ON_HOLD)


def _refuse_incomplete(cardholder: Cardholder) -> None:
    """The issuer would refuse the person, or the card later; here each missing field has its name."""
    lacking = missing(cardholder)
    if lacking:
        raise IncompletePersonError(lacking)


def _check_limits(limits: Limits, currency: str) -> None:
    try:
        currency_exponent(currency)
    except MoneyError as error:
        raise CardRefusedError(error.message) from error
    amounts = (limits.per_transaction_minor, limits.daily_minor, limits.monthly_minor)
    if not all(0 < amount <= MAX_AMOUNT_MINOR for amount in amounts):
        raise CardRefusedError(gettext_lazy("Each limit must be more than nothing and less than ten trillion."))
    if why_not := why_out_of_order(limits):
        raise CardRefusedError(why_not)


def _known_type(card_type: str) -> str:
    if card_type not in VirtualCard.CardType.values:
        raise CardRefusedError(
            format_lazy(
                gettext_lazy("{card_type} is no card type; choose one of: {choices}."),
                card_type=repr(card_type),
                choices=", ".join(VirtualCard.CardType.values),
            )
        )
    return card_type
