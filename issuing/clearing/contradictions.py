"""Movements that contradict known facts: they name another card, another purchase or another cardholder."""

from typing import Any

from issuing.inbox import references as event_references
from issuing.models import Authorization, CardTransaction, VirtualCard
from wallet import cases
from wallet.models import Case


def why_not_its_card(kept: CardTransaction, row: dict[str, Any]) -> str:
    """Returns why the movement contradicts its earlier card.

    "" if it does not. A replacement card counts as the same.
    """
    was, now = kept.issuer_card_id, row["issuer_card_id"]
    if not (was and now) or was == now:
        return ""
    card = VirtualCard.objects.filter(pk=row["card_id"]).first()
    if event_references.is_same_card(kept.card, card):
        return ""
    return f"{kept.issuer_transaction_id} was reported on the card {was}, and is reported on the card {now} now."


def why_not_its_purchase(kept: CardTransaction, row: dict[str, Any]) -> str:
    """Returns why a linked movement contradicts its purchase; "" if it does not. A first report contradicts nothing."""
    was, now = kept.issuer_authorization_id, row["issuer_authorization_id"]
    if kept.authorization is None or not now or now in (was, kept.issuer_transaction_id):
        return ""
    reported = event_references.purchase_of(kept.provider, now)
    if reported == kept.authorization:
        return ""
    home = kept.authorization.issuer_authorization_id
    return f"{kept.issuer_transaction_id} is joined with {home}, and names {now} now."


def contradicts(kept: CardTransaction, purchase: Authorization | None) -> bool:
    """Returns whether a waiting movement names another card than its purchase's; then it records the contradiction."""
    if purchase is None:
        return False
    why = event_references.with_purchase(issuer_card_id=kept.issuer_card_id, card=kept.card, purchase=purchase)
    if why:
        contradict(kept, why)
    return bool(why)


def contradict(kept: CardTransaction, why: str) -> None:
    """Records, once and with a case, why the references of a movement without a purchase do not belong together."""
    mine = CardTransaction.objects.filter(pk=kept.pk, authorization=None, contradiction="")
    if mine.update(contradiction=why[:300]) == 1:
        kept.contradiction = why[:300]
        open_contradiction(kept, why)


def open_contradiction(kept: CardTransaction, why: str) -> None:
    """Opens a case: nobody gets this movement's money until staff decide whose it is."""
    summary = f"{kept.issuer_transaction_id} ({kept.get_transaction_type_display().lower()}): {why}"
    known = Case.objects.filter(kind=Case.Kind.EVENT_CONTRADICTION, reference=kept.reference, summary=summary[:300])
    if not known.exists():
        cases.open_case(kind=Case.Kind.EVENT_CONTRADICTION, reference=kept.reference, money=kept.money, summary=summary)
