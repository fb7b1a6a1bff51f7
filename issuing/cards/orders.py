"""A person asks for a card, or has theirs replaced: each once, whatever is repeated, sent at once or dies."""

import uuid

from issuing import locking, states
from issuing.cards import changes as card_changes
from issuing.cards import handover, holder_rights
from issuing.cards import service as cards
from issuing.cards.change_records import repeated
from issuing.errors import CardNotReadyError, CardRefusedError
from issuing.models import CardChange, VirtualCard
from issuing.operations import availability, rollout
from onecard.kit.transactions import lock_name, transaction
from wallet.kyc.fields import in_words, missing
from wallet.models import Cardholder, FundingMethod


def order(*, cardholder: Cardholder, requested_by: str, key: uuid.UUID, network: str = "visa") -> VirtualCard:
    """Orders a person's card and returns it: pending until its issuer made it, and then until it is activated.

    The same key is the same order. `network` is only asked for; the issuer's program decides. The new card takes over
    the balance of an earlier one that was closed. Raises CardNotReadyError with what is missing, CardRefusedError when
    they have a card or the issuer refuses, and ReadOnlyError.
    """
    known = repeated(CardChange.Kind.CREATE, key)
    if known is not None:
        return _sent(known)
    provider = availability.open_provider(rollout.provider_for(cardholder.user))
    availability.refuse_when_read_only(provider)
    with transaction():
        lock_name(f"issuing.cards_of:{cardholder.pk}")
        change = repeated(CardChange.Kind.CREATE, key)
        if change is None:
            refuse_unready(cardholder)
            change = _intend_first(cardholder, provider, network, requested_by, key)
    return _sent(change)


def refuse_unready(cardholder: Cardholder) -> None:
    """Raises CardNotReadyError naming all that a card needs and the person has not given yet, else CardRefusedError
    when they have a card that is not closed."""
    lacking = missing_for_card(cardholder)
    if lacking:
        raise CardNotReadyError("You cannot get a card yet: errors names what is missing.", errors=lacking)
    cards.check_person(cardholder)
    if cardholder.virtual_cards.exclude(status=states.Card.CLOSED).exists():
        raise CardRefusedError("You have a card already: replace it, or close it first.")


def missing_for_card(cardholder: Cardholder) -> dict[str, list[str]]:
    """Returns a sentence for each thing that a card needs and that is missing."""
    absent = missing(cardholder)
    has_card = cardholder.funding_methods.filter(status=FundingMethod.Status.ACTIVE).exists()
    found = {
        "kyc": "" if cardholder.kyc_verified else "Your identity is not verified yet.",
        "profile": f"Your profile is not complete. Missing: {in_words(absent)}." if absent else "",
        "funding_card": "" if has_card else "Your wallet has no card that can pay: add one.",
    }
    return {name: [sentence] for name, sentence in found.items() if sentence}


def replace(*, card: VirtualCard, reason: str, requested_by: str, key: uuid.UUID) -> VirtualCard:
    """Orders a card in the place of this one, at the same issuer, and returns it; a second request gets the same one.

    Limits, balance and how it is spent come along. A lost or stolen card is closed in the same commit; a damaged or
    expired one goes on until the new one is activated. Purchases of the old card go on as its own. Raises
    CardRefusedError, and ReadOnlyError for what can wait: a stolen card is stopped at any time.
    """
    if reason not in states.REPLACED_AT_ONCE:
        availability.refuse_when_read_only(card.issuer_provider)
    with transaction():
        old = locking.lock_card(card.pk)
        change = repeated(CardChange.Kind.CREATE, key) or _living_order(old)
        closing = None
        if change is None:
            _refuse_replacing(old, requested_by)
            change = _intend_next(old, reason, requested_by, key)
        if reason in states.REPLACED_AT_ONCE and old.status != states.Card.CLOSED:
            locking.lock_card(change.card_id)
            closing = handover.end_earlier(VirtualCard.objects.get(pk=change.card_id), requested_by=requested_by)
    if closing is not None:
        card_changes.carry_out(change_id=closing.pk)
    return _sent(change)


def _intend_first(cardholder: Cardholder, provider: str, network: str, requested_by: str, key: uuid.UUID) -> CardChange:
    limits, earlier = cards.DEFAULT_LIMITS, _earlier(cardholder)
    row = VirtualCard(
        cardholder=cardholder,
        card_type=network,
        issuer_provider=provider,
        replaces=earlier,
        per_transaction_limit_minor=limits.per_transaction_minor,
        daily_limit_minor=limits.daily_minor,
        monthly_limit_minor=limits.monthly_minor,
    )
    change = cards.intend_creation(row, requested_by=requested_by, key=key)
    if earlier is not None:
        handover.carry_spending(earlier, row)
        handover.move_balance(earlier, row, actor=requested_by)
    return change


def _earlier(cardholder: Cardholder) -> VirtualCard | None:
    """Locks and returns the person's last card, which is closed: what it has spent counts, and its balance moves."""
    made = cardholder.virtual_cards.filter(currency="USD").exclude(issuer_card_id="")
    found = made.order_by("-pk").first()
    return locking.lock_card(found.pk) if found else None


def _refuse_replacing(old: VirtualCard, requested_by: str) -> None:
    holder_rights.refuse_undoing(old, requested_by)
    if old.status == states.Card.CLOSED:
        raise CardRefusedError("This card is closed: ask for a new one.")
    if not old.issuer_card_id:
        raise CardRefusedError("This card is not made yet, so it cannot be replaced.")
    cards.check_usable(old)


def _intend_next(old: VirtualCard, reason: str, requested_by: str, key: uuid.UUID) -> CardChange:
    row = VirtualCard(
        cardholder=old.cardholder,
        card_type=old.card_type,
        issuer_provider=old.issuer_provider,
        replaces=old,
        replacement_reason=reason,
        currency=old.currency,
        per_transaction_limit_minor=old.per_transaction_limit_minor,
        daily_limit_minor=old.daily_limit_minor,
        monthly_limit_minor=old.monthly_limit_minor,
        spends_balance=old.spends_balance,
        compliance_flags=old.compliance_flags,
    )
    return cards.intend_creation(row, requested_by=requested_by, key=key)


def _living_order(old: VirtualCard) -> CardChange | None:
    """Returns the order of the card that replaces this one, if there is one."""
    orders = CardChange.objects.filter(card__replaces=old, kind=CardChange.Kind.CREATE)
    return orders.exclude(card__status=states.Card.CLOSED).first()


def _sent(change: CardChange) -> VirtualCard:
    """Asks the issuer at once; if that fails, the message and the sweeper go on under the same key."""
    if card_changes.carry_out(change_id=change.pk) == states.Change.REFUSED:
        change.refresh_from_db()
        raise CardRefusedError(f"No card was made: {change.failure_message}")
    return VirtualCard.objects.select_related("cardholder", "replaces").get(pk=change.card_id)
