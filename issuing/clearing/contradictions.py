"""Movements of money that contradict what is known: on another card, of another purchase, or of another person."""

from typing import Any

from issuing.inbox import references as event_references
from issuing.models import Authorization, CardTransaction, VirtualCard
from wallet import cases
from wallet.models import Case


def why_not_its_card(kept: CardTransaction, row: dict[str, Any]) -> str:
    """What was told on one card and is told on another now; a card in the place of another is the same one."""
    was, now = kept.issuer_card_id, row["issuer_card_id"]
    if not (was and now) or was == now:
        return ""
    card = VirtualCard.objects.filter(pk=row["card_id"]).first()
    if event_references.is_same_card(kept.card, card):
        return ""
    return f"{kept.issuer_transaction_id} was told on the card {was}, and is told on the card {now} now."


def why_not_its_purchase(kept: CardTransaction, row: dict[str, Any]) -> str:
    """What is joined with one purchase and is told of another now; what was told at first is not told otherwise."""
    was, now = kept.issuer_authorization_id, row["issuer_authorization_id"]
    if kept.authorization is None or not now or now in (was, kept.issuer_transaction_id):
        return ""
    told = event_references.purchase_of(kept.provider, now)
    if told == kept.authorization:
        return ""
    home = kept.authorization.issuer_authorization_id
    return f"{kept.issuer_transaction_id} is joined with {home}, and names {now} now."


def contradicts(kept: CardTransaction, purchase: Authorization | None) -> bool:
    """Whether a movement that waited names another card than that of the purchase that it names; then that is said."""
    if purchase is None:
        return False
    why = event_references.with_purchase(issuer_card_id=kept.issuer_card_id, card=kept.card, purchase=purchase)
    if why:
        contradict(kept, why)
    return bool(why)


def contradict(kept: CardTransaction, why: str) -> None:
    """Writes on a movement that is of no purchase yet why what it names does not belong together, once, with a case."""
    mine = CardTransaction.objects.filter(pk=kept.pk, authorization=None, contradiction="")
    if mine.update(contradiction=why[:300]) == 1:
        kept.contradiction = why[:300]
        open_contradiction(kept, why)


def open_contradiction(kept: CardTransaction, why: str) -> None:
    """The money of this movement is nobody's until a person has said whose it is."""
    summary = f"{kept.issuer_transaction_id} ({kept.get_transaction_type_display().lower()}): {why}"
    known = Case.objects.filter(kind=Case.Kind.EVENT_CONTRADICTION, reference=kept.reference, summary=summary[:300])
    if not known.exists():
        cases.open_case(kind=Case.Kind.EVENT_CONTRADICTION, reference=kept.reference, money=kept.money, summary=summary)
