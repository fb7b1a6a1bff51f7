"""What must be true after any death, once the restarted system has nothing left to do (money-safety section 2)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet, Sum

from audit.models import Entry
from issuing import states
from issuing.billing import position
from issuing.models import (
    Authorization,
    BalanceUse,
    CardChange,
    CardFunding,
    CardTransaction,
    Hold,
    IssuerEvent,
    JournalEntry,
    RewardEntry,
    SpendWindow,
    VirtualCard,
)
from issuing.reconcile import ledger_balances
from onecard.outbox.models import Message
from tests.faults.kill_world import World, everything_again
from tests.invariants.checks import broken
from tests.support.sandboxes import given_back, intents
from wallet import receivable_notice
from wallet import states as wallet_states
from wallet.accounts import Account
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund, Posting

Open = wallet_states.Obligation.OPEN
# The outbox grows when something is asked for once more; what that leads to is nothing, and that is what counts.
FINGERPRINT = """
SELECT coalesce(md5(string_agg(row_text, '|' ORDER BY row_text)), '') FROM (SELECT t::text AS row_text FROM {} t) rows
"""
WATCHED = (
    "audit_entry",
    "issuing_authorization",
    "issuing_balanceuse",
    "issuing_cardchange",
    "issuing_cardfunding",
    "issuing_cardtransaction",
    "issuing_decision",
    "issuing_eventbody",
    "issuing_hold",
    "issuing_issuerevent",
    "issuing_rewardentry",
    "issuing_spendwindow",
    "issuing_virtualcard",
    "wallet_case",
    "wallet_fundingcharge",
    "wallet_fundingmethod",
    "wallet_fundingobligation",
    "wallet_fundingrefund",
    "wallet_posting",
)


@dataclass(frozen=True, slots=True)
class End:
    """How a story must end: the purchase's status, minor units paid and counted on the limits, cases left open.

    `held` is what funding cards hold for it, `on_card` what is on the cards' balances. `charges` and `refunds` are how
    many succeeded at the processor; None where a charge may be given back as well as never made.
    """

    status: str
    paid: int
    spent: int
    cases: tuple[str, ...] = ()
    charges: int | None = 1
    refunds: int | None = 0
    held: int = 0
    on_card: int = 0


def unfinished() -> list[str]:
    """What the restarted system still has to do, in words; empty when all has come to an end."""
    waiting = {
        "decisions in the journal": JournalEntry.objects.all(),
        "messages in the outbox": Message.objects.filter(published_at=None),
        "events in the inbox": IssuerEvent.objects.filter(status=states.Event.RECEIVED),
        "charges under way": FundingCharge.objects.filter(status__in=wallet_states.DUE_CHARGE).exclude(pk__in=_kept()),
        "refunds under way": FundingRefund.objects.filter(status__in=wallet_states.DUE_REFUND),
        "card changes under way": CardChange.objects.filter(status__in=states.OPEN_CHANGE),
        "card fundings under way": CardFunding.objects.filter(status=states.Funding.REQUESTED),
        "purchases to settle": Authorization.objects.exclude(settle_due_at=None),
        "obligations without an end": FundingObligation.objects.filter(_without_end()),
        "letters to write": _receivables().exclude(pk__in=_told()),
    }
    return [what for what, rows in waiting.items() if rows.exists()] + _unrewarded()


def _kept() -> QuerySet[FundingCharge]:
    """The holds that wait for their purchases, which is no work: neither captured yet nor given up."""
    return FundingCharge.objects.filter(status="held", obligation__status=Open, obligation__capture_due_at=None)


def _without_end() -> Q:
    known = Case.objects.filter(status=Case.Status.OPEN).values("obligation_id")
    forgotten = Q(status=wallet_states.Obligation.FAILED) & ~Q(pk__in=known)
    return forgotten | (Q(status=Open) & ~Q(pk__in=_kept().values("obligation_id")))


def _receivables() -> QuerySet[Case]:
    return Case.objects.filter(kind=Case.Kind.RECEIVABLE, status=Case.Status.OPEN)


def _told() -> list[int]:
    entries = Entry.objects.filter(
        subject_type="case", action__in=(receivable_notice.SENT, receivable_notice.UNREACHABLE)
    )
    return [int(pk) for pk in entries.values_list("subject_id", flat=True)]


def _unrewarded() -> list[str]:
    """Every success of a purchase has its entry in the rewards book."""
    ended = {"charge": FundingCharge, "refund": FundingRefund}
    return [
        f"{kind}s without their reward"
        for kind, model in ended.items()
        if model.objects.filter(status="succeeded", obligation__purchase__startswith="authorization:").count()
        != RewardEntry.objects.filter(kind=kind).count()
    ]


def check(world: World, end: End) -> None:
    """Everything at once: the processor, the books, the limits, the trail, and the end that the story must have."""
    assert not world.unmet, f"nobody met {world.unmet}, so it proves nothing"
    processor_and_rows_agree(world)
    books_balance()
    limits_are_what_is_held()
    assert not (wrong := broken()), wrong
    found = outcome(world, end.status)
    found = replace(found, **{name: None for name in ("charges", "refunds") if getattr(end, name) is None})
    assert found == end, f"it ended as {found}"


def outcome(world: World, expected_status: str) -> End:
    """How it did end, in the same words; a story without a purchase has the status that is expected of it."""
    purchase = Authorization.objects.first()
    at_processor = intents(world.sandbox)
    taken = [intent for intent in at_processor if intent["status"] == "succeeded"]
    back = [refund for refund in given_back() if refund["status"] == "succeeded"]
    # That an answer of ours failed is told to staff; it is not about the purchase.
    cases = Case.objects.filter(status=Case.Status.OPEN).exclude(kind=Case.Kind.ANSWERS_FAILING).order_by("kind")
    return End(
        status=purchase.status if purchase else expected_status,
        paid=_sum(taken, "amount_received") - _sum(back, "amount"),
        spent=max(SpendWindow.objects.values_list("spent_minor", flat=True), default=0),
        cases=tuple(cases.values_list("kind", flat=True)),
        charges=len(taken),
        refunds=len(back),
        held=_sum([intent for intent in at_processor if intent["status"] == "requires_capture"], "amount_capturable"),
        on_card=sum(VirtualCard.objects.values_list("balance_minor", flat=True)),
    )


def _sum(rows: list[dict[str, object]], name: str) -> int:
    return sum(int(str(row[name])) for row in rows)


def processor_and_rows_agree(world: World) -> None:
    """Each success at the processor is one row that says so, and the other way round; one obligation, one success."""
    at_processor = intents(world.sandbox)
    taken = {intent["id"]: intent["amount_received"] for intent in at_processor if intent["status"] == "succeeded"}
    ours = FundingCharge.objects.filter(status="succeeded").select_related("obligation")
    said = {charge.processor_charge_id: charge.obligation.payable.minor for charge in ours}
    assert said == taken, "charges at the processor and here, and what each took"
    held = {intent["id"] for intent in at_processor if intent["status"] == "requires_capture"}
    holding = FundingCharge.objects.filter(status__in=wallet_states.HOLDING)
    assert set(holding.values_list("processor_charge_id", flat=True)) == held, "holds at the processor and here"
    _each_obligation_once([intent for intent in at_processor if intent["id"] in (*taken, *held)])
    back = {refund["id"] for refund in given_back() if refund["status"] == "succeeded"}
    refunds = FundingRefund.objects.filter(status="succeeded")
    assert set(refunds.values_list("processor_refund_id", flat=True)) == back, "refunds at the processor and here"
    for rows, action in ((ours, "charge.succeeded"), (refunds, "refund.succeeded")):
        told = Counter(Entry.objects.filter(action=action).values_list("subject_id", flat=True))
        assert told == Counter(str(pk) for pk in rows.values_list("pk", flat=True)), f"the trail's {action}"


def _each_obligation_once(found: list[dict[str, Any]]) -> None:
    """By the processor's own word: whatever our rows say, no obligation has two charges that hold or took money."""
    obligation_of = {str(name): pk for name, pk in FundingCharge.objects.values_list("public_id", "obligation_id")}
    times = Counter(obligation_of[intent["metadata"]["funding_charge"]] for intent in found)
    assert not (many := [pk for pk, n in times.items() if n > 1]), f"obligations {many} were charged more than once"


def books_balance() -> None:
    """The ledger holds, and the clearing account of a purchase is zero once it is over, else what the rows say."""
    problems = [*ledger_check.check(), *ledger_balances.on_cards()]
    assert not problems, problems
    for purchase in Authorization.objects.all():
        name = purchase.reference
        left = ledger.balance(Account.PURCHASES, currency=purchase.currency, reference=name)
        assert left == _expected_in_clearing(purchase, name), f"{name} is {purchase.status}, {left} is in clearing"
        if purchase.status != states.Authorization.APPROVED and not _receivables().exists():
            assert left == 0, f"{name} is over, {left} is in clearing"


def _expected_in_clearing(purchase: Authorization, name: str) -> int:
    captured, returned = position.moved_minor(purchase)
    charged = FundingCharge.objects.filter(obligation__purchase=name, status="succeeded")
    paid = sum(each.obligation.payable.minor for each in charged.select_related("obligation"))
    back = FundingRefund.objects.filter(obligation__purchase=name, status="succeeded")
    given: int = back.aggregate(total=Sum("amount_minor"))["total"] or 0
    from_balance = sum(BalanceUse.objects.filter(authorization=purchase).values_list("posted_minor", flat=True))
    posted = CardTransaction.objects.filter(authorization=purchase).count()
    assert posted == _postings_of_cards(name), "each movement at the issuer is posted once"
    return captured - returned - paid + given - from_balance


def _postings_of_cards(name: str) -> int:
    """Those of its movements, with those that a corrected link took out of it, or put into it."""
    rows = Posting.objects.filter(reference=name)
    told = rows.filter(key__startswith="card_transaction:").count()
    moved = rows.filter(key__startswith="relinked:")
    return told + moved.filter(key__endswith=":in").count() - moved.filter(key__endswith=":out").count()


def limits_are_what_is_held() -> None:
    for window in SpendWindow.objects.all():
        placed = Hold.objects.filter(Q(day=window) | Q(month=window), status=states.Hold.PLACED)
        held: int = placed.aggregate(total=Sum(F("amount_minor") - F("released_minor")))["total"] or 0
        assert window.spent_minor == held, f"the {window.kind} counts {window.spent_minor}, held is {held}"
    for purchase in Authorization.objects.exclude(status__in=(states.Authorization.APPROVED, "settled")):
        placed = purchase.holds.filter(status=states.Hold.PLACED)
        held: int = placed.aggregate(total=Sum(F("amount_minor") - F("released_minor")))["total"] or 0
        captured = 0 if purchase.status == states.Authorization.DECLINED else position.moved_minor(purchase)[0]
        assert held <= captured, f"{purchase} is over, and more is held of it than was captured"


def nothing_changes_again(world: World, again: Callable[[World], object]) -> None:
    """All messages and deliveries of the past come once more: neither our rows nor the processor's change."""
    before = fingerprint()
    again(world)
    everything_again()
    changed = [name for name, content in fingerprint().items() if before[name] != content]
    assert not changed, f"done again, {changed} changed"
    processor_and_rows_agree(world)


def fingerprint() -> dict[str, str]:
    found = {}
    with connection.cursor() as cursor:
        for table in WATCHED:
            cursor.execute(FINGERPRINT.format(table))
            found[table] = cursor.fetchone()[0]
    return found
