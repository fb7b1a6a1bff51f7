"""What people do to the books of random purchases: they work cases, alone or by two, and say what is worth what.

Any refusal is legal and changes nothing; any other error is a failure.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from hypothesis import strategies as st
from hypothesis.stateful import rule

from issuing.clearing import currency_conversion
from issuing.disputes import silent as silent_disputes
from issuing.models import Authorization, CardTransaction, Dispute, VirtualCard
from onecard.kit import clock
from onecard.kit.money import Money
from tests.invariants.matching import WHY, Matching
from wallet import cases
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.casework import rules as case_rules
from wallet.casework.desk import CaseRefusedError
from wallet.entered import amounts as entered_amounts
from wallet.entered import purchase_refunds
from wallet.entered.purchase_refunds import RefundRefusedError
from wallet.models import Case, EnteredAmount, FundingObligation
from wallet.references import Subject
from wallet.refunds import records as refunds

ABROAD = "GBP"
# Two people in one step, since both in their turn are rare within a few steps.
TOGETHER = ("write_off", "outside")
ALONE = (
    "ask_write_off", "ask_outside", "agree", "withdraw", "charge_again", "charge_another", "resolve", "give_back",
    "send_again",
)  # fmt: skip
ACTS = (
    *TOGETHER,
    *TOGETHER,
    *ALONE,
    "is_kind",
    "is_kind",
    "refunds_a_purchase",
    "refunds_a_purchase",
    "refunds_all_of_it",
    "enters_converted_amount",
    "enters_converted_amount",
    "says_whose",
    "says_whose",
    "says_none",
    "says_where",
    "says_where",
    "proposes_where",
    "agrees_to_links",
)


def abroad() -> QuerySet[CardTransaction]:
    """What moved in another currency than its purchase's."""
    return CardTransaction.objects.exclude(currency=F("authorization__currency"))


def purchases() -> QuerySet[Authorization]:
    """Whatever was bought."""
    return Authorization.objects.all()


def refunds_told() -> QuerySet[CardTransaction]:
    """What merchants gave back, of whatever purchase."""
    return CardTransaction.objects.filter(transaction_type="refund")


def movements() -> QuerySet[CardTransaction]:
    """All that moved, of any purchase or of none."""
    return CardTransaction.objects.all()


class People(Matching):
    """Whoever works in the back office."""

    card: VirtualCard
    rate: int
    habit: str

    @rule(pick=st.integers(0, 20), act=st.sampled_from(ACTS), minor=st.integers(1, 9_000))
    def somebody_works(self, pick: int, act: str, minor: int) -> None:
        """On what there is of it: a case that is open, what was paid, or what moved abroad."""
        works: dict[str, tuple[QuerySet[Any], Callable[[Any], None]]] = {
            "is_kind": (FundingObligation.objects.filter(status="funded"), lambda one: self.is_kind(one, minor)),
            "refunds_a_purchase": (purchases(), lambda one: self.refund_purchase(one, minor)),
            "refunds_all_of_it": (purchases(), self.refund_purchase),
            "enters_converted_amount": (abroad(), self.enter_converted_amount),
            "says_whose": (movements(), lambda one: self.say_whose(one, minor)),
            "says_none": (movements(), self.say_none),
            "says_where": (movements(), lambda one: self.say_where(one, minor)),
            "proposes_where": (movements(), lambda one: self.say_where(one, minor, by_two=False)),
            "agrees_to_links": (movements(), lambda _any: self.agree_to_links()),
        }
        rows, work = works.get(act, (Case.objects.filter(status="open"), lambda one: self.work_on(one, act, minor)))
        found = list(rows.order_by("pk"))
        if found:
            work(found[pick % len(found)])

    def is_kind(self, paid: FundingObligation, minor: int) -> None:
        """A cardholder complains about what was paid: a part goes back at our own cost, and that is that."""
        with transaction.atomic():
            case = cases.open_obligation_case(
                kind=Case.Kind.CHARGED_WITHOUT_PURCHASE, obligation=paid, summary="They complain."
            )
        self.work_on(case, "give_back", min(minor, paid.amount_minor))
        self.work_on(case, "resolve")

    def refund_purchase(self, purchase: Authorization, minor: int | None = None) -> None:
        """Staff give back so much of a purchase at our own cost, from its page; or all that is left of it.

        Whatever merchants, banks and processors do before or after, no card gets more back than it paid.
        """
        found = purchase_refunds.of_purchase(purchase.reference, purchase.currency)
        amount = found.left if minor is None else Money(minor, purchase.currency)
        ada, bob = self.two_people()
        with contextlib.suppress(RefundRefusedError), transaction.atomic():
            entered = purchase_refunds.refund(
                purchase=purchase.reference,
                amount=amount,
                reason=WHY,
                user=ada,
                shown_minor=found.given_back.minor,
            )
            if entered.status == EnteredAmount.Status.PROPOSED:
                entered_amounts.agree(entered=entered, user=bob, reason=WHY, shown_minor=amount.minor)
            back = purchase_refunds.of_purchase(purchase.reference, purchase.currency)
            assert back.given_back.minor == found.given_back.minor + amount.minor

    def enter_converted_amount(self, kept: CardTransaction) -> None:
        with contextlib.suppress(currency_conversion.ConversionRefusedError):
            currency_conversion.enter_converted_amount(
                transaction=kept, converted_minor=self.converted_minor_of(kept.amount_minor), reason=WHY, actor="user:1"
            )

    def end_disputes(self) -> None:
        """As if their issuer had been silent for long; what it says later counts all the same."""
        Dispute.objects.update(updated_at=clock.now() - silent_disputes.SILENT_FOR)
        for dispute in Dispute.objects.order_by("pk"):
            with contextlib.suppress(silent_disputes.StillOpenError):
                silent_disputes.end(dispute=dispute, reason=WHY, actor="user:1")

    def converted_minor_of(self, amount_minor: int) -> int:
        """The one rate of this world: minor units of the purchase's currency for those abroad."""
        return max(1, amount_minor * self.rate // 100)

    def work_on(self, case: Case, act: str, minor: int = 1) -> None:
        if act in TOGETHER:
            self.work_on(case, f"ask_{act}")
            self.work_on(case, "agree")
            return
        with contextlib.suppress(CaseRefusedError):
            self._acts(case, minor)[act]()

    def people_enter_converted_amounts(self) -> None:
        if self.habit != "nobody":
            for kept in abroad().order_by("pk"):
                self.enter_converted_amount(kept)

    def people_make_an_end(self) -> None:
        """Where they have that habit: all that can be said, booked or closed is."""
        self.people_enter_converted_amounts()
        if self.habit == "outside":
            for refund in refunds_told().order_by("pk"):
                self.say_none(refund)
            self.end_disputes()
        acts = () if self.habit == "nobody" else ("withdraw", self.habit, "outside", "resolve")
        for act in acts:
            for case in Case.objects.filter(status="open").order_by("pk"):
                self.work_on(case, act)

    def people_charge_what_a_bank_took(self) -> None:
        """Policy charges no card by itself for a lost dispute: a person has another card charged."""
        owed = Case.objects.filter(status="open", obligation__reference__startswith=Subject.CHARGE_DISPUTE.prefix)
        for case in owed.order_by("pk"):
            self.work_on(case, "charge_another")

    def _acts(self, case: Case, minor: int) -> dict[str, Callable[[], Any]]:
        ada, bob = self.two_people()
        by_ada: dict[str, Any] = {"case": case, "user": ada, "reason": WHY}
        return {
            "ask_write_off": lambda: case_proposals.propose(proposal="write_off", **by_ada),
            "ask_outside": lambda: case_proposals.propose(proposal="outside", **by_ada),
            "agree": lambda: case_proposals.agree(case=case, user=bob, reason=WHY),
            "withdraw": lambda: case_proposals.withdraw(**by_ada),
            "send_again": lambda: case_actions.send_again(**by_ada),
            "charge_again": lambda: case_actions.charge_again(**by_ada),
            "charge_another": lambda: self._charge_another(case, by_ada),
            "give_back": lambda: self._give_back(case, minor, by_ada),
            "resolve": lambda: self._resolve(case, by_ada),
        }

    def _charge_another(self, case: Case, by_ada: dict[str, Any]) -> None:
        for method in case_rules.other_methods(case_rules.read_facts(case))[:1]:
            case_actions.charge_another(method=method, **by_ada)

    def _give_back(self, case: Case, minor: int, by_ada: dict[str, Any]) -> None:
        seen = refunds.given_back_minor(case.obligation) if case.obligation else 0
        case_actions.refund(amount=Money(minor, case.currency), shown_minor=seen, **by_ada)

    def _resolve(self, case: Case, by_ada: dict[str, Any]) -> None:
        # What is done about a second charge is done at the processor, and nobody does it here.
        if case.kind != Case.Kind.TWO_CHARGES:
            case_actions.resolve(**by_ada)
