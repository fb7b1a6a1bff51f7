"""The balance of a card goes to the card that comes after it, under the locks of both, the earlier one first."""

from django.db.models import F

from audit import trail
from issuing import states
from issuing.cards.restriction import Asked, restrict
from issuing.models import CardChange, SpendWindow, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import require_transaction


def end_earlier(card: VirtualCard, *, requested_by: str) -> CardChange | None:
    """Closes the card that this one replaces, unless it is closed, and moves its balance here; gives the closing."""
    earlier = VirtualCard.objects.get(replacements=card)
    if earlier.status == states.Card.CLOSED:
        return None
    why = Asked(f"Replaced: {card.get_replacement_reason_display()}.", requested_by)
    change = restrict(earlier, CardChange.Kind.CLOSE, states.Card.CLOSED, why)
    move_balance(earlier, card, actor=requested_by)
    carry_spending(earlier, card)
    return change


def move_balance(earlier: VirtualCard, card: VirtualCard, *, actor: str) -> None:
    """Moves what is on a card, how it is spent, and the card's compliance flags."""
    require_transaction("The move of a balance")
    now = clock.now()
    earlier.refresh_from_db()
    card.refresh_from_db()
    flags = [
        *earlier.compliance_flags,
        *(each for each in card.compliance_flags if each not in earlier.compliance_flags),
    ]
    VirtualCard.objects.filter(pk=earlier.pk).update(balance_minor=0, updated_at=now)
    VirtualCard.objects.filter(pk=card.pk).update(
        balance_minor=F("balance_minor") + earlier.balance_minor,
        spends_balance=earlier.spends_balance,
        compliance_flags=flags,
        updated_at=now,
    )
    trail.record(
        actor=actor,
        action="card.replaced",
        subject=earlier,
        by=card.pk,
        balance_minor=earlier.balance_minor,
        currency=earlier.currency,
    )


def give_back(card: VirtualCard) -> None:
    """Returns the balance of a card that its issuer did not make to the card that it was to replace."""
    card.refresh_from_db()
    if card.status != states.Card.CLOSED or not card.replaces_id or not card.balance_minor:
        return
    now = clock.now()
    VirtualCard.objects.filter(pk=card.pk).update(balance_minor=0, updated_at=now)
    VirtualCard.objects.filter(pk=card.replaces_id).update(
        balance_minor=F("balance_minor") + card.balance_minor, updated_at=now
    )
    trail.record(
        actor=f"issuer:{card.issuer_provider}",
        action="card.balance_given_back",
        subject=card,
        to=card.replaces_id,
        balance_minor=card.balance_minor,
        currency=card.currency,
    )


def carry_spending(earlier: VirtualCard, card: VirtualCard) -> None:
    """Counts on a card what was spent on the earlier one in its open day and month: a new card is no new limit."""
    now = clock.now()
    for window in SpendWindow.objects.filter(card=earlier, starts_at__lte=now, ends_at__gt=now):
        same = SpendWindow.objects.filter(card=card, kind=window.kind, starts_at=window.starts_at)
        if same.update(spent_minor=F("spent_minor") + window.spent_minor) == 0:
            window.pk, window.card = None, card
            window.save(force_insert=True)
