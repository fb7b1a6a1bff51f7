"""The part of a purchase that the card's own balance pays.

The balance pays first, so reductions refund funding cards first. Like every amount due (issuing/billing/amount_due.py)
it follows from the rows. The decision sets its part aside, which leaves the balance at once; the ledger follows as
merchants capture (docs/decisions/0019).
"""

from dataclasses import dataclass

from django.db.models import F, Q, Sum

from audit import trail
from issuing import locking, states
from issuing.models import Authorization, BalanceUse, Decision, VirtualCard
from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.ledger import postings as ledger
from wallet.models import Posting
from wallet.obligations import adjust


@dataclass(frozen=True, slots=True)
class Share:
    """The amount that the balance pays of a purchase, in minor units, and its latest change.

    Below zero, the balance received an overpayment from the merchant.
    """

    minor: int
    change: int
    card: VirtualCard | None


def bring_to(purchase: Authorization, *, reference: str, due_minor: int, actor: str) -> Share:
    """Brings the balance's part of a purchase, and the balance itself, to the right amount.

    `due_minor` may be below zero. Call it under the purchase's lock; raises LockError without it.
    """
    locking.require_purchase(purchase)
    use = BalanceUse.objects.filter(authorization=purchase).first()
    if use is None and due_minor >= 0:
        return Share(0, 0, None)
    card = lock_home(use.card_id if use else purchase.card_id)
    if card is None or card.currency != purchase.currency:
        return Share(0, 0, None)
    part = use.amount_minor if use else 0
    wanted = _wanted(purchase, card, part, due_minor, reference)
    if wanted != part:
        _move(purchase, card, part, wanted, actor=actor)
    return Share(wanted, wanted - part, card)


def post(purchase: Authorization, *, reference: str, moved_minor: int, is_open: bool) -> None:
    """Posts what merchants captured of the balance's part, or all of that part once the purchase is over.

    `moved_minor` is the captured amount less what merchants returned.
    """
    use = BalanceUse.objects.filter(authorization=purchase).first()
    if use is None:
        return
    due = min(use.amount_minor, max(0, moved_minor)) if is_open else use.amount_minor
    delta, number = due - use.posted_minor, use.postings + 1
    mine = BalanceUse.objects.filter(pk=use.pk, postings=use.postings, posted_minor=use.posted_minor)
    if not delta or mine.update(posted_minor=due, postings=number, updated_at=clock.now()) != 1:
        return
    ledger.post(
        kind=Posting.Kind.BALANCE_SPENT,
        key=f"balance:{use.pk}:{number}",
        money=Money(abs(delta), purchase.currency),
        reference=reference,
        back=delta < 0,
    )


def give_back(purchase: Authorization, minor: int, *, reason: str, actor: str) -> BalanceUse:
    """Gives the balance back a part of what it paid, at our cost, under the purchase's lock; returns the changed row.

    The caller books the cost as goodwill, so `bring_to` asks nobody for it, and calls `post`. Raises LockError, and
    ValueError for more than the balance paid.
    """
    locking.require_purchase(purchase)
    use = BalanceUse.objects.select_related("card__cardholder").get(authorization=purchase)
    card = lock_home(use.card_id)
    if card is None or not 0 < minor <= use.amount_minor:
        raise ValueError(f"{minor} cannot go back to the balance for {purchase}: it paid {use.amount_minor}.")
    _move(purchase, card, use.amount_minor, use.amount_minor - minor, actor=actor)
    BalanceUse.objects.filter(pk=use.pk).update(given_back_minor=F("given_back_minor") + minor)
    money = Money(minor, purchase.currency)
    trail.record(
        actor=actor,
        action="authorization.refunded_to_balance",
        subject=purchase,
        card=card.pk,
        amount_minor=money.minor,
        currency=money.currency,
        reason=reason,
    )
    use.refresh_from_db(fields=("amount_minor", "given_back_minor", "posted_minor", "postings"))
    return use


def lock_home(card_id: int | None) -> VirtualCard | None:
    """Locks a card and returns it, or the card that replaced it and has its balance (issuing/cards/handover.py)."""
    card = locking.lock_card(card_id) if card_id else None
    if card is None or card.status != states.Card.CLOSED:
        return card
    # The old card's lock comes before its replacement's, as when a card is replaced. A card may have been replaced
    # more than once, and an order that the issuer refused made no card.
    made = card.replacements.exclude(status=states.Card.CLOSED, issuer_card_id="").order_by("-pk")
    later = made.values_list("pk", flat=True).first()
    return lock_home(later) if later else card


def takes_credit(card: VirtualCard | None) -> bool:
    """Returns whether purchases use up this card's balance."""
    return card is not None and card.spends_balance and card.status != states.Card.CLOSED


def unasked_minor(*, reference: str, due_minor: int, currency: str) -> int:
    """Returns the amount due for a purchase beyond what funding cards were asked for."""
    return due_minor - adjust.committed_minor(reference, currency)


def _wanted(purchase: Authorization, card: VirtualCard, part: int, due_minor: int, reference: str) -> int:
    """Reduces at once; increases only by what no card was asked for: no charge moves from a card to a balance."""
    if due_minor <= part:
        # Neither the balance nor its use exceeds the largest amount; the excess stays in clearing.
        return max(due_minor, part - (MAX_AMOUNT_MINOR - card.balance_minor), -MAX_AMOUNT_MINOR)
    unasked = unasked_minor(reference=reference, due_minor=due_minor - part, currency=purchase.currency)
    room = _most(purchase, card, part, due_minor) - part
    return part + max(0, min(unasked, room, card.balance_minor))


def _most(purchase: Authorization, card: VirtualCard, part: int, due_minor: int) -> int:
    """Returns the most that the balance may pay:

    Overpayments first, then what the decisions took, and all if it paid all.
    """
    if not card.spends_balance:
        return max(part, 0)
    rounds = Decision.objects.filter(authorization=purchase, approved=True)
    taken = rounds.aggregate(
        promised=Sum("from_balance_minor", default=0),
        by_cards=Sum("amount_minor", default=0, filter=Q(obligation__isnull=False)),
    )
    return int(due_minor if taken["promised"] and not taken["by_cards"] else max(part, 0, taken["promised"]))


def _move(purchase: Authorization, card: VirtualCard, part: int, wanted: int, *, actor: str) -> None:
    """Changes the balance and its use together."""
    now = clock.now()
    use, _ = BalanceUse.objects.get_or_create(
        authorization=purchase, defaults={"card": card, "created_at": now, "updated_at": now}
    )
    BalanceUse.objects.filter(pk=use.pk).update(amount_minor=wanted, updated_at=now)
    VirtualCard.objects.filter(pk=card.pk).update(balance_minor=F("balance_minor") + part - wanted, updated_at=now)
    trail.record(
        actor=actor,
        action="authorization.paid_from_balance",
        subject=purchase,
        card=card.pk,
        was_minor=part,
        amount_minor=wanted,
        currency=purchase.currency,
    )
