"""Dunning after a failed charge: the next card of the stored decision, and at last a frozen card and a letter."""

from django.conf import settings

from issuing.cards import service as cards
from issuing.errors import CardRefusedError
from issuing.models import Authorization, CardChange, Decision, VirtualCard, candidates
from onecard.kit.transactions import require_no_transaction
from wallet import receivable_notice
from wallet.charges import cancel, cascade
from wallet.models import Case, FundingObligation
from wallet.references import Subject

ACTOR = "system:cascade"


def fall_back(*, obligation_id: int) -> str:
    """Charges the next card for a failed obligation, or opens a receivable; returns which of them, as a word.

    Safe to call twice, concurrently, or late. Raises TransactionError inside a transaction.
    """
    require_no_transaction("The cascade")
    cancel.call_off_waiting(obligation_id=obligation_id, actor=ACTOR)
    method_ids = candidates_of(FundingObligation.objects.get(pk=obligation_id))
    return cascade.next_charge(obligation_id=obligation_id, method_ids=method_ids, actor=ACTOR)


def take_notice(*, case_id: int) -> bool:
    """Freezes the card of an unpaid purchase, if that is the policy, and notifies the cardholder, once each."""
    case = Case.objects.filter(pk=case_id, kind=Case.Kind.RECEIVABLE, status=Case.Status.OPEN)
    found = case.select_related("obligation").first()
    if found is None or found.obligation is None:
        return False
    card = _card_of(found.obligation)
    is_frozen = card is not None and settings.FREEZE_ON_RECEIVABLE and _freeze(card, case_id)
    return receivable_notice.send(case_id=case_id, card_is_frozen=is_frozen)


def candidates_of(obligation: FundingObligation) -> list[int]:
    """The methods that the decision could have chosen, best first. Later charges belong to its first decision."""
    return candidates.of(Decision.objects.filter(obligation=obligation).first() or _first_decision(obligation))


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


def _card_of(obligation: FundingObligation) -> VirtualCard | None:
    purchase = _purchase_of(obligation)
    return purchase.card if purchase else None


def _freeze(card: VirtualCard, case_id: int) -> bool:
    """Freezes once per case: staff may unfreeze the card while the case is open. A closed card stays closed."""
    reason = f"A purchase is not paid (case {case_id})."
    if CardChange.objects.filter(card=card, kind=CardChange.Kind.FREEZE, reason=reason).exists():
        return True
    try:
        cards.freeze(card=card, reason=reason, requested_by=ACTOR)
    except CardRefusedError:
        return False
    return True
