"""What the cardholder owes after a lost dispute, until it is paid or won after all (decision 0030)."""

from django.db.models import QuerySet

from audit import trail
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.outbox import services as outbox
from wallet import cases, payment_notices, states
from wallet import locking as wallet_locking
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingDispute, FundingObligation, Posting
from wallet.obligations import adjust
from wallet.obligations import lifecycle as obligations
from wallet.processors.stripe.disputes import REASONS
from wallet.references import Subject
from wallet.refunds import records as refunds

ACTOR = "processor:stripe"
WON = "The dispute was won after all."


def owe(dispute: FundingDispute, charge: FundingCharge) -> None:
    """Opens the receivable. No card is charged for it automatically, least of all the disputed one."""
    lost = Money(dispute.withdrawn_minor - dispute.lost_minor, dispute.currency)
    number = _owed_after(dispute, charge).count()
    key = f"charge_lost:{dispute.processor_dispute_id}:{number}"
    reference = ledger.reference_of(charge)
    ledger.post(kind=ledger.Kind.CHARGE_LOST, key=key, money=lost, reference=reference)
    dispute.lost_minor += lost.minor
    FundingDispute.objects.filter(pk=dispute.pk).update(lost_minor=dispute.lost_minor, updated_at=clock.now())
    now = clock.now()
    owed = FundingObligation.objects.create(
        cardholder_id=charge.obligation.cardholder_id,
        reference=f"{reference_of(dispute)}:{number}",
        purchase=reference,
        description=charge.obligation.description,
        amount_minor=lost.minor,
        currency=lost.currency,
        status=states.Obligation.FAILED,
        created_at=now,
        updated_at=now,
    )
    trail.record(actor=ACTOR, action="charge_dispute.owed", subject=owed, amount_minor=lost.minor)
    case = cases.open_obligation_case(
        kind=Case.Kind.RECEIVABLE,
        obligation=owed,
        summary=f"{charge.method}: its bank took {lost} back and we lost the dispute ({why(dispute)}). The "
        "purchase stands, so the cardholder owes it. No card is charged by itself.",
    )
    payment_notices.unpaid(case, owed)
    outbox.put(topic="cardholder.notify", case_id=case.pk)


def won_back(dispute: FundingDispute, charge: FundingCharge, minor: int) -> None:
    """Ends the debt when the money came back, and refunds what was paid for it in the meantime.

    What was settled without a card, or was no longer owed, is taken off the purchase: nobody pays what nobody lost.
    """
    if not minor or charge.obligation.is_top_up:
        return
    count = Posting.objects.filter(key__startswith=f"charge_won:{dispute.processor_dispute_id}:").count()
    ledger.post(
        kind=ledger.Kind.CHARGE_LOST,
        key=f"charge_won:{dispute.processor_dispute_id}:{count}",
        money=Money(minor, dispute.currency),
        reference=ledger.reference_of(charge),
        back=True,
    )
    dispute.lost_minor -= minor
    FundingDispute.objects.filter(pk=dispute.pk).update(lost_minor=dispute.lost_minor, updated_at=clock.now())
    for owed in _owed_after(dispute, charge).order_by("-pk"):
        part = min(minor, owed.payable.minor - refunds.given_back_minor(owed))
        if part <= 0 or owed.status == states.Obligation.RELEASED:
            continue
        if part == owed.payable.minor and owed.status != states.Obligation.FUNDED:
            obligations.release(obligation_id=owed.pk, actor=ACTOR)
        else:
            locked = wallet_locking.lock(owed.pk)
            refunds.begin(obligation=locked, amount_minor=part, reason=WON, actor=ACTOR)
        minor -= part
    if minor:
        excess = Money(minor, dispute.currency)
        adjust.take_off(purchase=ledger.reference_of(charge), excess=excess, reason=WON, actor=ACTOR)


def open_top_up_case(dispute: FundingDispute, charge: FundingCharge) -> None:
    """Opens a case when a bank took back a top-up: a person has to settle what is left on the card."""
    cases.open_case(
        kind=Case.Kind.UNHANDLED_MONEY,
        reference=reference_of(dispute),
        money=Money(dispute.withdrawn_minor, dispute.currency),
        summary=f"{dispute.money} was put on a card from {charge.method}, and its bank took it back for good. Settle "
        "it with the cardholder: it stands in the account Disputed charges until then.",
        obligation=charge.obligation,
    )


def why(dispute: FundingDispute) -> str:
    """Returns the bank's reason as a sentence."""
    return REASONS.get(dispute.reason, dispute.reason.replace("_", " ") or "no reason given")


def reference_of(dispute: FundingDispute) -> str:
    """Returns the reference of the dispute's cases."""
    return Subject.CHARGE_DISPUTE.reference(dispute.processor_dispute_id)


def _owed_after(dispute: FundingDispute, charge: FundingCharge) -> QuerySet[FundingObligation]:
    """Returns what the cardholder was asked for after this dispute. Searches by purchase, which has an index."""
    of_purchase = FundingObligation.objects.filter(purchase=ledger.reference_of(charge))
    return of_purchase.filter(reference__startswith=f"{reference_of(dispute)}:")
