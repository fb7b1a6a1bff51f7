"""A purchase from the tap to its settlement, step by step, each with the time since the tap (T+).

T+0 is the arrival of the first request; of a purchase that the issuer decided alone, the moment we heard of it.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.models import Entry
from issuing import states
from issuing.admin import decline_words
from issuing.models import Authorization, CardTransaction, Decision, Dispute
from onecard.kit import display
from onecard.kit.words import Words
from wallet.models import Case, FundingCharge, FundingRefund

# Of a decision: what came before the time that it is stored with, and what came after.
BEFORE, AFTER = ("verify", "decode", "read"), ("choose", "record")
# A report that comes later than this after the movement says so.
HEARD_LATE_S: Final = 60
MOVED: Final[dict[str, Words]] = {
    CardTransaction.Type.SETTLEMENT: gettext_lazy("The merchant captured %(money)s"),
    CardTransaction.Type.REFUND: gettext_lazy("The merchant gave back %(money)s"),
    CardTransaction.Type.CHARGEBACK: gettext_lazy("%(money)s came back by a dispute"),
    CardTransaction.Type.CHARGEBACK_REVERSAL: gettext_lazy("The merchant won the dispute and took %(money)s again"),
    CardTransaction.Type.PROVISIONAL_CREDIT: gettext_lazy("%(money)s came back for as long as the dispute lasts"),
    CardTransaction.Type.PROVISIONAL_DEBIT: gettext_lazy("What came back for the dispute was taken again: %(money)s"),
}
# What the trail's entries say, by their actions.
WORDS: Final[dict[str, Words]] = {
    "authorization.declined": gettext_lazy("The issuer declined it"),
    "authorization.reversed": gettext_lazy("Reversed: the merchant takes nothing more"),
    "authorization.expired": gettext_lazy("Expired: the merchant did not capture in time"),
    "authorization.settled": gettext_lazy("Settled: closed by the issuer"),
    "authorization.approved": gettext_lazy("Approved again by the issuer"),
    "authorization.settlement": gettext_lazy("Closed out here: limits and charges are what was captured"),
    "authorization.reduced": gettext_lazy("A part of the hold was released"),
    "authorization.answer_failed": gettext_lazy("The answer failed: %(failure)s"),
    "authorization.stood_in": gettext_lazy("Answered without our database, by stand-in, and written down afterwards"),
    "authorization.stood_in_by_other": gettext_lazy("Somebody else answered in our place: %(who)s"),
    "authorization.paid_from_balance": gettext_lazy("The card's balance paid"),
    "charge.succeeded": gettext_lazy("%(card)s was charged %(money)s"),
    "charge.held": gettext_lazy("%(card)s holds %(money)s"),
    "charge.capturing": gettext_lazy("The hold of %(money)s on %(card)s is being captured"),
    "charge.declined": gettext_lazy("%(card)s declined %(money)s: %(code)s"),
    "charge.refused": gettext_lazy("The processor refused the charge of %(money)s to %(card)s: %(code)s"),
    "charge.requires_action": gettext_lazy("The bank of %(card)s wants the cardholder to confirm %(money)s"),
    "charge.unknown": gettext_lazy("Nobody knows yet whether %(card)s was charged %(money)s"),
    "charge.processing": gettext_lazy(
        "The processor took the charge of %(money)s to %(card)s and reports its outcome later"
    ),
    "charge.canceled": gettext_lazy("The charge of %(money)s to %(card)s was called off"),
    "refund.intended": gettext_lazy("%(money)s is to go back to %(card)s"),
    "refund.succeeded": gettext_lazy("%(card)s got back %(money)s"),
    "refund.failed": gettext_lazy("%(money)s could not be given back to %(card)s: %(code)s"),
    "refund.unknown": gettext_lazy("Nobody knows yet whether %(card)s got back %(money)s"),
    "case.opened": gettext_lazy("Case opened: %(kind)s"),
    "case.resolved": gettext_lazy("Case closed by itself: %(kind)s"),
    "case.settled": gettext_lazy("Case closed: %(kind)s"),
    "case.written_off": gettext_lazy("Written off: %(kind)s"),
    "dispute.submitted": gettext_lazy("Dispute submitted to the issuer"),
    "dispute.won": gettext_lazy("Dispute won"),
    "dispute.lost": gettext_lazy("Dispute lost"),
    "dispute.expired": gettext_lazy("Dispute not submitted in time"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: when, how long after the tap ("T+98 ms"), and in words."""

    at: dt.datetime
    after: str
    words: str


def build(
    purchase: Authorization,
    *,
    decisions: Sequence[Decision],
    movements: Sequence[CardTransaction],
    entries: Iterable[Entry],
    cases: Iterable[Case],
    disputes: Iterable[Dispute],
    charges: Sequence[FundingCharge],
    refunds: Iterable[FundingRefund],
) -> list[Step]:
    """Returns the steps of a purchase, the oldest first, from rows that its page has read."""
    found = list(_decided(purchase, decisions))
    start = found[0][0]
    found += _asked(charges)
    found += _moved(movements, start)
    found += _written(entries, charges, refunds, cases, disputes)
    # What happened before we heard of the purchase, by another clock, counts as its beginning.
    steps = sorted(((max(at, start), words) for at, words in found), key=lambda step: step[0])
    return [Step(at, after(at - start), words) for at, words in steps]


def after(passed: dt.timedelta) -> str:
    """Returns the time since the tap: T+0, T+98 ms, T+1.250 s, T+3 min, T+2 d 4 h."""
    seconds = passed.total_seconds()
    if seconds <= 0:
        return "T+0"
    if seconds < 1:
        return f"T+{max(1, round(seconds * 1000))} ms"
    return f"T+{seconds:.3f} s" if seconds < 60 else f"T+{display.span(seconds)}"


Found = Iterator[tuple[dt.datetime, str]]


def _decided(purchase: Authorization, decisions: Sequence[Decision]) -> Found:
    if not decisions:
        yield purchase.created_at, _("The issuer reported it and did not ask us")
        if purchase.status == states.Authorization.DECLINED:
            yield purchase.created_at, _("Declined by the issuer: %(why)s") % {"why": decline_words.by_issuer(purchase)}
    for decision in decisions:
        if decision.corrects_id is None:
            arrived = decision.decided_at - _took(decision, BEFORE)
            yield arrived, _("The issuer asked for %(money)s") % {"money": str(decision.money)}
        yield decision.decided_at + _took(decision, AFTER), _answer(decision)


def _answer(decision: Decision) -> str:
    if decision.approved:
        return _("Approved %(money)s") % {"money": str(decision.money)}
    why = decline_words.ours(decision)
    if decision.corrects_id is not None:
        return _("Approval taken back: %(why)s") % {"why": why}
    return _("Declined: %(why)s") % {"why": why}


def _took(decision: Decision, steps: tuple[str, ...]) -> dt.timedelta:
    timings = decision.timings_ms if isinstance(decision.timings_ms, dict) else {}
    times = [timings.get(name) for name in steps]
    return dt.timedelta(milliseconds=sum(each for each in times if isinstance(each, int | float)))


def _asked(charges: Iterable[FundingCharge]) -> Found:
    for charge in charges:
        if charge.first_sent_at is not None:
            words = _("Asked the processor to charge %(money)s to %(card)s")
            yield charge.first_sent_at, words % {"money": str(charge.money), "card": charge.method}


def _moved(movements: Iterable[CardTransaction], start: dt.datetime) -> Found:
    for row in movements:
        words = MOVED.get(row.transaction_type)
        if words is None:
            continue
        said = str(words) % {"money": str(row.money)}
        heard_s = (row.recorded_at - row.occurred_at).total_seconds()
        if heard_s > HEARD_LATE_S and row.occurred_at >= start:
            said = _("%(what)s; we heard of it %(later)s later") % {"what": said, "later": display.span(heard_s)}
        at = row.occurred_at if row.occurred_at >= start else row.recorded_at
        yield at, said


def _written(
    entries: Iterable[Entry],
    charges: Iterable[FundingCharge],
    refunds: Iterable[FundingRefund],
    cases: Iterable[Case],
    disputes: Iterable[Dispute],
) -> Found:
    """Returns the steps that the trail has: what became of the purchase, its charges, refunds, cases and disputes."""
    values: dict[tuple[str, str], dict[str, Any]] = {
        **{("fundingcharge", str(each.pk)): {"card": each.method, "money": str(each.money)} for each in charges},
        **{("fundingrefund", str(each.pk)): {"card": _card(each), "money": str(each.money)} for each in refunds},
        **{("case", str(each.pk)): {"kind": each.get_kind_display()} for each in cases},
        **{("dispute", str(each.pk)): {} for each in disputes},
    }
    for entry in entries:
        details = entry.details if isinstance(entry.details, dict) else {}
        # The entries of our own answers name their decision: those are steps already.
        is_answer = entry.subject_type != "authorization" or "decision" in details
        known = values.get((entry.subject_type, entry.subject_id), None if is_answer else {})
        if known is not None and entry.action in WORDS:
            yield entry.recorded_at, str(WORDS[entry.action]) % {**_of(details), **known}


def _of(details: dict[str, Any]) -> dict[str, str]:
    failure = str(details.get("failure", ""))
    code = str(details.get("failure_code") or "").replace("_", " ")
    return {
        "failure": str(dict(states.AnswerFailure.choices).get(failure, failure)),
        "who": str(dict(states.StoodIn.choices).get(str(details.get("who", "")), "")),
        "code": code or _("no reason given"),
    }


def _card(refund: FundingRefund) -> str:
    return str(refund.charge.method) if refund.charge else _("the card that pays")
