"""The page of one purchase: its rounds with their decisions, the issuer's events, and the trail. Reads only."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.admin import actor_in_words, details_in_words, name_actors, subject_link
from audit.models import Entry
from issuing.admin import decline_words, disputes, purchase_lines, purchase_money, purchase_timeline
from issuing.inbox import bodies
from issuing.models import Authorization, CardTransaction, Decision, Dispute, DisputeRequest, Hold, IssuerEvent
from onecard.kit import display, references
from onecard.kit.money import Money
from routing import accounts, explain
from routing.admin import value_lines
from routing.models import MerchantCategory
from routing.valued import explaining
from wallet.admin import labels, money_page
from wallet.admin.money_page import MoneyPage
from wallet.admin.person_link import person_link
from wallet.casework import payers
from wallet.casework.payers import Payers
from wallet.methods import cooling
from wallet.models import Case, FundingCharge

# The steps in a decision's order; the JSON column keeps no order.
STEPS = {
    "verify": gettext_lazy("Check the signature"),
    "decode": gettext_lazy("Read the request"),
    "read": gettext_lazy("Read card, wallet and limits"),
    "hooks": gettext_lazy("Ask the fraud hooks"),
    "choose": gettext_lazy("Choose the card"),
    "record": gettext_lazy("Check again under the lock and commit"),
}
TAKES_BACK = gettext_lazy("This takes back an earlier answer, which shows all that was looked at.")


@dataclass(frozen=True, slots=True)
class Step:
    """One step's time; the longest step of a decision fills its bar."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt to collect the money."""

    row: FundingCharge
    state: str
    meaning: str
    problem: str
    next_try: str


@dataclass(frozen=True, slots=True)
class Round:
    """One answer, and everything that it was based on."""

    decision: Decision
    title: str
    status: str
    reason: str
    from_balance: str
    candidates: list[explain.CandidateLine]
    limit: list[tuple[str, str]]
    circumstances: list[tuple[str, str]]
    value_sentence: str
    value: list[value_lines.ValueLine]
    reward: explain.RewardLines | None
    steps: list[Step]
    total_ms: float
    longest_ms: float
    hold: Hold | None
    charges: list[Charge]
    answer: str
    request: str


@dataclass(frozen=True, slots=True)
class PurchasePage:
    """Everything that the page shows."""

    facts: list[tuple[str, Any]]
    cases: list[tuple[Case, str]]
    steps: list[purchase_timeline.Step]
    rounds: list[Round]
    money: MoneyPage
    money_facts: list[tuple[str, str]]
    movements: list[CardTransaction]
    disputes: list[tuple[Dispute, str, str]]
    events: list[tuple[IssuerEvent, str]]
    entries: list[tuple[Entry, str, str, str]]
    mcc_passed_through: bool


def build(authorization: Authorization) -> PurchasePage:
    """Reads everything about a purchase; the number of queries does not grow with its rounds."""
    decisions = list(_decisions(authorization))
    money = money_page.build(authorization.reference)
    movements = list(CardTransaction.objects.filter(authorization=authorization).order_by("occurred_at", "pk"))
    disputed = list(Dispute.objects.filter(authorization=authorization).order_by("pk"))
    requested = DisputeRequest.objects.filter(authorization=authorization).values_list("pk", flat=True)
    names = [
        *(each.reference for each in movements),
        *(f"dispute:{each.pk}" for each in disputed),
        *(f"dispute_request:{key}" for key in requested),
    ]
    cases = _cases(authorization, money.subjects["fundingobligation"], names)
    open_cases = [case for case in cases if case.status == Case.Status.OPEN]
    events = IssuerEvent.objects.filter(
        provider=authorization.provider, object_id=authorization.issuer_authorization_id
    ).order_by("pk")
    said = bodies.bodies_of([*events, *(decision.event for decision in decisions)])
    use = purchase_money.balance_use(authorization)
    from_balance = use.amount_minor if use else 0
    paid = payers.of([authorization.reference]).get(authorization.reference, Payers())
    entries = _entries(
        money.subjects
        | {
            "authorization": {authorization.pk},
            "case": {case.pk for case in cases},
            "dispute": {each.pk for each in disputed},
        }
    )
    return PurchasePage(
        facts=_facts(authorization, decisions, paid, from_balance),
        steps=purchase_timeline.build(
            authorization,
            decisions=decisions,
            movements=movements,
            entries=entries,
            cases=cases,
            disputes=disputed,
            charges=money.charge_rows,
            refunds=money.refund_rows,
        ),
        cases=[(case, str(labels.NEXT_STEP.get(case.kind, ""))) for case in open_cases],
        rounds=[_round(decision, title, said.get(decision.event_id)) for decision, title in _titled(decisions)],
        money=money,
        money_facts=purchase_money.facts(authorization, money, paid, use),
        movements=movements,
        disputes=[(each, disputes.state(each), str(disputes.MEANING.get(each.status, ""))) for each in disputed],
        events=[(event, bodies.in_words(said.get(event.pk))) for event in events],
        entries=[(each, actor_in_words(each), subject_link(each), details_in_words(each.details)) for each in entries],
        mcc_passed_through=accounts.passes_mcc(),
    )


def _decisions(authorization: Authorization) -> QuerySet[Decision]:
    charges = FundingCharge.objects.select_related("method").order_by("sequence")
    rows = Decision.objects.filter(authorization=authorization).order_by("pk")
    return rows.select_related(
        "event", "obligation", "corrects", "corrected_by", "hold__day", "hold__month"
    ).prefetch_related(Prefetch("obligation__charges", queryset=charges))


def _cases(authorization: Authorization, owed: set[int], names: list[str]) -> list[Case]:
    """Returns every case, open or closed, about this purchase or its movements."""
    about = Q(reference__in=[authorization.reference, *names]) | Q(obligation__in=owed)
    return list(Case.objects.filter(about).order_by("pk"))


def _approved_alone_minor(authorization: Authorization, decisions: list[Decision]) -> int:
    """Returns the amount that the issuer approved without asking us, less what was taken back, in minor units."""
    held = [decision.hold for decision in decisions if decision.approved and decision.amount_minor]
    ours = sum(hold.amount_minor - hold.released_minor for hold in held)
    return max(0, authorization.approved_minor - ours)


def _facts(
    authorization: Authorization, decisions: list[Decision], paid: Payers, from_balance: int
) -> list[tuple[str, Any]]:
    category = MerchantCategory.objects.filter(code=authorization.mcc).first()
    place = ", ".join(part for part in (authorization.merchant_city, authorization.merchant_country) if part)
    alone = _approved_alone_minor(authorization, decisions)
    line = purchase_lines.line(authorization, decisions[-1] if decisions else None, paid, from_balance=from_balance > 0)
    card = authorization.card
    holder = card.cardholder if card else None
    facts = (
        (_("Merchant"), authorization.merchant_name),
        (_("Place"), place),
        (_("Merchant category"), str(category or authorization.mcc)),
        (_("Approved"), authorization.approved_minor and _money(authorization, authorization.approved_minor)),
        (_("Asked for"), authorization.approved_minor == 0 and _money(authorization, line.asked_minor)),
        (_("Paid by"), line.paid_by if line.paid_by != display.NOTHING else ""),
        (_("Declined because"), line.why_declined),
        (_("Our answer"), authorization.get_answer_failed_display() if authorization.answer_failed else ""),
        (_("Stand-in"), authorization.get_stood_in_display() if authorization.stood_in else ""),
        (_("Of that by the issuer alone"), alone and display.money(alone, authorization.currency)),
        (_("Cardholder"), holder and person_link(holder)),
        (_("Virtual card"), card and display.link(references.page_of(f"virtualcard:{card.pk}"), card)),
        (_("Issuer"), authorization.get_provider_display()),
        (_("Issuer's id, the app's as well"), display.copyable(authorization.issuer_authorization_id)),
        (_("Authorization code"), authorization.authorization_code),
        (_("First asked"), display.moment(authorization.created_at)),
        (_("Last change"), display.moment(authorization.updated_at)),
    )
    return [(name, value) for name, value in facts if value]


def _money(authorization: Authorization, minor: int) -> str:
    return display.money(minor, authorization.currency)


def _titled(decisions: list[Decision]) -> list[tuple[Decision, str]]:
    """Rounds are numbered; a correction is named after the round that it takes back."""
    numbers: dict[int | None, int] = {}
    titled = []
    for decision in decisions:
        if decision.corrects_id is None:
            numbers[decision.pk] = len(set(numbers.values())) + 1
            title = _("Round %(number)s") % {"number": numbers[decision.pk]}
        elif decision.corrects_id in numbers:
            numbers[decision.pk] = numbers[decision.corrects_id]
            title = _("Correction of round %(number)s") % {"number": numbers[decision.pk]}
        else:
            title = _("Correction of an earlier answer")
        titled.append((decision, title))
    return titled


def _round(decision: Decision, title: str, body: bytes | None) -> Round:
    trace = decision.trace if isinstance(decision.trace, dict) else {}
    steps = _steps(decision.timings_ms)
    valued = explaining.explain(trace, amount=_for_cards(decision))
    return Round(
        decision=decision,
        title=title,
        status=_status(decision),
        reason=_reason(decision, trace),
        from_balance=_from_balance(decision, trace),
        candidates=explain.candidates(
            trace,
            approved=decision.obligation_id is not None,
            rests_for=cooling.reasons(explain.resting(trace), at=decision.decided_at),
        ),
        limit=decline_words.limit_facts(decision),
        circumstances=[*explain.circumstances(trace), *decline_words.verdicts(trace)],
        value_sentence=valued.sentence if valued else "",
        value=value_lines.lines(valued),
        reward=explain.reward(trace, amount=_for_cards(decision)) if decision.approved else None,
        steps=steps,
        total_ms=sum(step.ms for step in steps),
        longest_ms=max((step.ms for step in steps), default=0),
        hold=getattr(decision, "hold", None),
        charges=[_charge(row) for row in decision.obligation.charges.all()] if decision.obligation else [],
        answer=display.pretty_body(decision.response),
        request=bodies.in_words(body),
    )


def _status(decision: Decision) -> str:
    if hasattr(decision, "corrected_by"):
        return display.label(_("Approved, then taken back"), "warn")
    return display.label(_("Approved"), "good") if decision.approved else display.label(_("Declined"), "bad")


def _reason(decision: Decision, trace: dict[str, Any]) -> str:
    if decision.approved:
        return explain.rule_sentence(decision.rule, trace)
    sentence = decline_words.ours(decision)
    return f"{sentence} {TAKES_BACK}" if decision.corrects_id else sentence


def _from_balance(decision: Decision, trace: dict[str, Any]) -> str:
    """Returns what this round took from the card's balance, and the balance before."""
    if not decision.from_balance_minor:
        return ""
    pays = display.money(decision.from_balance_minor, decision.currency)
    balance = trace.get("balance")
    had = balance.get("has_minor") if isinstance(balance, dict) else None
    if not had:
        return _("%(pays)s from the card's balance") % {"pays": pays}
    had_before = display.money(had, decision.currency)
    return _("%(pays)s from the card's balance of %(had)s") % {"pays": pays, "had": had_before}


def _for_cards(decision: Decision) -> Money:
    """Returns what is left for a funding card; only that earns rewards."""
    return Money(decision.amount_minor - decision.from_balance_minor, decision.currency)


def _steps(timings: Any) -> list[Step]:
    known = timings if isinstance(timings, dict) else {}
    ordered = [*(name for name in STEPS if name in known), *(name for name in known if name not in STEPS)]
    return [Step(STEPS.get(name, name), float(known[name])) for name in ordered if isinstance(known[name], int | float)]


def _charge(row: FundingCharge) -> Charge:
    return Charge(
        row=row,
        state=display.label(row.get_status_display(), labels.CHARGE_TONE.get(row.status, "neutral")),
        meaning=str(labels.CHARGE_MEANING.get(row.status, "")),
        problem=labels.failure(row),
        next_try=labels.next_try(row),
    )


def _entries(subjects: dict[str, set[int]]) -> list[Entry]:
    """Returns the trail of the purchase, of its movements, and of the cases about it."""
    about = Q()
    for kind, keys in subjects.items():
        about |= Q(subject_type=kind, subject_id__in=[str(key) for key in keys])
    entries = list(Entry.objects.filter(about).order_by("pk"))
    name_actors(entries)
    return entries
