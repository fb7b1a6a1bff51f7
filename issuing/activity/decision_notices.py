"""Tells people of decisions: approved and declined. A sweep writes it, so that a decision itself waits for nothing.

Decisions become visible out of order, since a transaction with a smaller id may commit later (money-safety T7). So the
cursor only passes what is older than any decision takes, and a decision behind it that has a notice gets no second one.
"""

import datetime as dt
from typing import Final

from django.db.models import CharField, Exists, Max, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from issuing import states
from issuing.activity import declines
from issuing.models import Authorization, Decision
from onecard.kit import clock
from onecard.kit.sweeper import WORK_S, each_in_turn
from onecard.kit.transactions import transaction
from onecard.notices import references
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from onecard.notices.models import Cursor, Notice
from wallet.models import FundingCharge
from wallet.payment_notices import name_of
from wallet.references import Subject

CURSOR: Final = "decisions"
# Longer than a decision may take to commit, with much to spare.
COMMITTED_AFTER: Final = dt.timedelta(minutes=2)
# A first sweep does not write_notice people what they bought before there were notices.
FIRST_LOOKS_BACK: Final = dt.timedelta(hours=1)
BATCH: Final = 500


def sweep(*, work_s: float = WORK_S) -> int:
    """Writes for a while the notices that decisions lack; returns how many it looked at. Two sweeps may run at once."""
    cursor, now = _cursor(), clock.now()
    ids = list(_untold(cursor.position).order_by("pk").values_list("pk", flat=True)[:BATCH])
    done = each_in_turn(ids, write_notice, what="decision notice", work_s=work_s)
    behind = Decision.objects.filter(pk__gt=cursor.position, decided_at__lt=now - COMMITTED_AFTER)
    if done == BATCH or done < len(ids):
        behind = behind.filter(pk__lte=ids[done - 1])
    reached = behind.aggregate(last=Max("pk"))["last"]
    if reached is not None:
        Cursor.objects.filter(name=CURSOR, position__lt=reached).update(position=reached)
    return done


def write_notice(decision_id: int) -> None:
    """Writes the notice of one decision, once."""
    rows = Decision.objects.select_related("authorization__card__cardholder", "obligation")
    decision = rows.get(pk=decision_id)
    card = decision.authorization.card
    if card is None:
        return
    with transaction():
        notices.write(
            user_id=card.cardholder.user_id,
            kind=Kind.PURCHASE_APPROVED if decision.approved else Kind.PURCHASE_DECLINED,
            cause=f"decision:{decision.public_id}",
            text=f"{_purchase(decision)} {_outcome(decision, card.cardholder.time_zone)}",
            reference=f"purchase:{decision.authorization.issuer_authorization_id}",
        )


def install() -> None:
    """Registers how a purchase is called outside, for notices that apps below write."""
    references.register(Subject.PURCHASE, _public_name)


def _public_name(key: str) -> str:
    pk = Subject.PURCHASE.key_in(Subject.PURCHASE.reference(key))
    known = Authorization.objects.values_list("issuer_authorization_id", flat=True)
    named = known.filter(pk=pk).first() if pk is not None else None
    return f"purchase:{named}" if named else ""


def _untold(position: int) -> QuerySet[Decision]:
    """Selects decisions behind the cursor without a notice, less those that were taken back or approve nothing now."""
    cause = Concat(Value("decision:"), Cast(OuterRef("public_id"), CharField()), output_field=CharField())
    rows = Decision.objects.filter(
        ~Exists(Notice.objects.filter(cause=cause)),
        pk__gt=position,
        authorization__card__isnull=False,
        corrected_by=None,
    )
    return rows.exclude(approved=True, authorization__status=states.Authorization.DECLINED)


def _purchase(decision: Decision) -> str:
    where = decision.authorization.merchant_name
    return f"{decision.money} at {where}." if where else f"{decision.money}."


def _outcome(decision: Decision, time_zone: str) -> str:
    if not decision.approved:
        return declines.sentence(decision, time_zone=time_zone)
    if not decision.amount_minor:
        return "The merchant checked your card; nothing is charged."
    first = FundingCharge.objects.filter(obligation=decision.obligation_id, sequence=1).select_related("method").first()
    if decision.obligation_id is None or first is None:
        return "Your card's balance pays." if decision.from_balance_minor else ""
    rest = "the rest" if decision.from_balance_minor else "it"
    return f"{name_of(first.method)} pays {rest}."


def _cursor() -> Cursor:
    found = Cursor.objects.filter(name=CURSOR).first()
    if found is not None:
        return found
    old = Decision.objects.filter(decided_at__lt=clock.now() - FIRST_LOOKS_BACK)
    position = old.order_by("-pk").values_list("pk", flat=True).first() or 0
    return Cursor.objects.get_or_create(name=CURSOR, defaults={"position": position})[0]
