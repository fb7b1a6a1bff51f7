"""The actions on a card: one function each, for API, admin, commands and webhooks.

Each commits the request with its trail and its message first, and asks the issuer afterwards
(issuing/cards/changes.py). Whatever protects the cardholder holds here at once, before the issuer knows: a frozen or
closed card declines from that commit on, and new limits hold.
"""

from collections.abc import Callable

from issuing import locking, states
from issuing.card_data.vault import erase_card_data
from issuing.cards import card_notices, flags
from issuing.cards import changes as card_changes
from issuing.cards import comparison as card_comparison
from issuing.cards.change_records import intend, supersede
from issuing.errors import CardRefusedError, IncompletePersonError, ReadOnlyError
from issuing.issuers.base import Limits
from issuing.models import CardChange, IssuerAccount, SyncDifference, VirtualCard
from issuing.operations import availability, rollout
from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR, MoneyError, currency_exponent
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from onecard.kit.transitions import sources_of
from wallet.kyc.fields import missing
from wallet.kyc.flags import is_blocked
from wallet.models import Cardholder

MAKES_USABLE = (CardChange.Kind.ACTIVATE, CardChange.Kind.UNFREEZE)
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
    _check_person(cardholder)
    _refuse_incomplete(cardholder)
    _check_limits(limits, currency)
    if provider is None:
        provider = availability.open_provider(rollout.provider_for(cardholder.user))
    availability.refuse_when_read_only(provider)
    with transaction():
        IssuerAccount.objects.get_or_create(cardholder=cardholder, provider=provider)
        card = VirtualCard.objects.create(
            cardholder=cardholder,
            card_type=_known_type(card_type),
            issuer_provider=provider,
            replaces=replaces,
            currency=currency,
            per_transaction_limit_minor=limits.per_transaction_minor,
            daily_limit_minor=limits.daily_minor,
            monthly_limit_minor=limits.monthly_minor,
        )
        change = intend(card, CardChange.Kind.CREATE, requested_by=requested_by)
    return _carry_out(change)


def activate(*, card: VirtualCard, requested_by: str) -> VirtualCard:
    """Makes a new card usable once the issuer confirms; raises CardRefusedError for a card in another state."""
    _check_usable(card)
    availability.refuse_when_read_only(card.issuer_provider)
    return _change_later(card, CardChange.Kind.ACTIVATE, requested_by, from_states=(states.Card.PENDING,))


def unfreeze(
    *, card: VirtualCard, requested_by: str, why_not: Callable[[VirtualCard], str] | None = None
) -> VirtualCard:
    """Makes a frozen card usable once the issuer confirms; raises CardRefusedError for a card in another state.

    `why_not` is asked under the card's lock; its sentence, if it has one, refuses the request.
    """
    _check_usable(card)
    availability.refuse_when_read_only(card.issuer_provider)
    return _change_later(
        card, CardChange.Kind.UNFREEZE, requested_by, from_states=(states.Card.FROZEN,), why_not=why_not
    )


def freeze(*, card: VirtualCard, reason: str, requested_by: str) -> VirtualCard:
    """Stops new purchases at once, and asks the issuer; raises CardRefusedError when the card cannot be frozen.

    Earlier approvals can still be captured (docs/issuers/stripe.md, Card status). Read-only mode does not stop it: a
    lost card must decline here at once, whatever the issuer knows.
    """
    return _change_now(card, CardChange.Kind.FREEZE, states.Card.FROZEN, reason, requested_by)


def close(*, card: VirtualCard, reason: str, requested_by: str) -> VirtualCard:
    """Closes a card for good, at once, and asks the issuer; raises CardRefusedError when it is closed already."""
    availability.refuse_when_read_only(card.issuer_provider)
    return _change_now(card, CardChange.Kind.CLOSE, states.Card.CLOSED, reason, requested_by)


def update_spending_limits(*, card: VirtualCard, limits: Limits, requested_by: str) -> VirtualCard:
    """Sets the card's limits: here at once, at the issuer as soon as it answers; raises CardRefusedError."""
    _check_limits(limits, card.currency)
    availability.refuse_when_read_only(card.issuer_provider)
    with transaction():
        locked = locking.lock_card(card.pk)
        if locked.status == states.Card.CLOSED:
            raise CardRefusedError("This card is closed; its limits can no longer be changed.")
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
    *,
    from_states: tuple[str, ...],
    why_not: Callable[[VirtualCard], str] | None = None,
) -> VirtualCard:
    """What gives the cardholder more waits for the issuer's confirmation."""
    with transaction():
        locked = locking.lock_card(card.pk)
        if locked.status not in from_states:
            raise CardRefusedError(
                f"This card is {locked.get_status_display().lower()}, so this cannot be done with it."
            )
        if why_not is not None and (refusal := why_not(locked)):
            raise CardRefusedError(refusal)
        change = intend(locked, kind, requested_by=requested_by)
    return _carry_out(change)


def _change_now(card: VirtualCard, kind: str, target: str, reason: str, requested_by: str) -> VirtualCard:
    """What restricts the card holds here first, because the issuer may be slow."""
    words = checked_reason(reason, error=CardRefusedError)
    with transaction():
        locked = locking.lock_card(card.pk)
        movable = VirtualCard.objects.filter(pk=card.pk, status__in=sources_of(states.CARD_MOVES, target))
        if movable.update(status=target, updated_at=clock.now()) != 1:
            raise CardRefusedError(
                f"This card is {locked.get_status_display().lower()}, so this cannot be done with it."
            )
        if target == states.Card.CLOSED:
            erase_card_data(locked, actor=requested_by)
        # Unsent requests that would make the card usable again are cancelled.
        supersede(locked, MAKES_USABLE)
        change = intend(locked, kind, requested_by=requested_by, reason=words)
        card_notices.status_changed(locked, target, cause=f"cardchange:{change.key}")
    return _carry_out(change)


def _carry_out(change: CardChange) -> VirtualCard:
    """Asks the issuer at once; if that fails, the message and the sweeper try again."""
    card_changes.carry_out(change_id=change.pk)
    return VirtualCard.objects.select_related("cardholder").get(pk=change.card_id)


def _check_person(cardholder: Cardholder) -> None:
    if not cardholder.kyc_verified:
        raise CardRefusedError("Your identity is not verified yet; a card can be used once it is.")
    if is_blocked(cardholder):
        raise CardRefusedError(ON_HOLD)


def _check_usable(card: VirtualCard) -> None:
    _check_person(card.cardholder)
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
        raise CardRefusedError("Each limit must be more than nothing and less than ten trillion.")
    if not limits.per_transaction_minor <= limits.daily_minor <= limits.monthly_minor:
        raise CardRefusedError("The limit for one purchase cannot exceed the day's, nor the day's the month's.")


def _known_type(card_type: str) -> str:
    if card_type not in VirtualCard.CardType.values:
        raise CardRefusedError(
            f"{card_type!r} is no card type; choose one of: {', '.join(VirtualCard.CardType.values)}."
        )
    return card_type
