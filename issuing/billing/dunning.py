"""Dunning after a failed charge: the next card of the stored decision, and at last a frozen card and a letter."""

import uuid
from typing import Final

from django.conf import settings

from issuing import states
from issuing.cards import service as cards
from issuing.errors import CardRefusedError
from issuing.models import Authorization, Decision, VirtualCard
from onecard.kit.transactions import require_no_transaction
from wallet import receivable_notice
from wallet.charges import cancel, cascade
from wallet.models import Case, FundingObligation
from wallet.references import Subject

ACTOR = "system:cascade"
# The keys of freezes for what is owed are made from it.
DEBTS: Final = uuid.UUID("5b0a7c2e-93d4-4f0b-8a66-1f4f2a7be9d1")


def fall_back(*, obligation_id: int) -> str:
    """Charges the next card for a failed obligation, or opens a receivable; returns which of them, as a word.

    Safe to call twice, concurrently, or late. Raises TransactionError inside a transaction.
    """
    require_no_transaction("The cascade")
    cancel.cancel_waiting(obligation_id=obligation_id, actor=ACTOR)
    method_ids = candidates_of(FundingObligation.objects.get(pk=obligation_id))
    return cascade.next_charge(obligation_id=obligation_id, method_ids=method_ids, actor=ACTOR)


def take_notice(*, case_id: int) -> bool:
    """Freezes the card of an unpaid purchase, if that is the policy, and notifies the cardholder, once each."""
    case = Case.objects.filter(pk=case_id, kind=Case.Kind.RECEIVABLE, status=Case.Status.OPEN)
    found = case.select_related("obligation").first()
    if found is None or found.obligation is None:
        return False
    card = card_of(found.obligation)
    is_frozen = card is not None and settings.FREEZE_ON_RECEIVABLE and _freeze(card, case_id)
    return receivable_notice.send(case_id=case_id, card_is_frozen=is_frozen)


def candidates_of(obligation: FundingObligation) -> list[int]:
    """Returns the methods that the decision could have chosen, best first.

    Later charges belong to its first decision.
    """
    decision = Decision.objects.filter(obligation=obligation).first() or _first_decision(obligation)
    return decision.ranked_method_ids if decision else []


def card_of(obligation: FundingObligation) -> VirtualCard | None:
    """Returns the virtual card with which an obligation's purchase was made."""
    purchase = _purchase_of(obligation)
    return purchase.card if purchase else None


def freeze_key(card: VirtualCard, case_id: int) -> uuid.UUID:
    """Returns the key of the one freeze of a card for a receivable's case."""
    return uuid.uuid5(DEBTS, f"card {card.pk}, case {case_id}")


def _first_decision(obligation: FundingObligation) -> Decision | None:
    purchase = _purchase_of(obligation)
    if purchase is None:
        return None
    return Decision.objects.filter(authorization=purchase, approved=True).order_by("pk").first()


def _purchase_of(obligation: FundingObligation) -> Authorization | None:
    key = Subject.PURCHASE.key_in(obligation.purchase)
    if key is not None:
        return Authorization.objects.select_related("card").filter(pk=key).first()
    decision = Decision.objects.select_related("authorization__card").filter(obligation=obligation).first()
    return decision.authorization if decision else None


def _freeze(card: VirtualCard, case_id: int) -> bool:
    """Freezes once per case, and returns whether the card is stopped now; a closed card stays closed.

    The key follows from the case, so the card's lock decides which attempt is the first. Staff may unfreeze the card
    after it while the case is open; an unfreezing that was under way before it does not make the card usable. A card
    that is frozen for another reason gets its freeze too: a later attempt would undo what staff do in between.
    """
    key = freeze_key(card, case_id)
    reason = f"A purchase is not paid (case {case_id})."
    try:
        after = cards.freeze(card=card, reason=reason, requested_by=ACTOR, key=key, is_recorded_anyway=True)
    except CardRefusedError:
        return False
    return after.status in states.STOPPED_CARD
