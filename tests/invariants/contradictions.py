"""News that names things of two people: it comes at once, late, again and under a new id, and nobody's money moves."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from issuing.models import Authorization, CardTransaction, SpendWindow, VirtualCard
from tests.invariants.issuers import Buy, Event
from tests.invariants.matching import NONE, name_of
from tests.invariants.merchants import AMOUNTS, Merchants
from tests.invariants.money import money
from wallet.models import Case, FundingObligation

# A change of what is held names no movement.
CHANGE = "change"


@dataclass
class Contradiction:
    """One such event; `name` ends the issuer's id of what moved, and `case_id` is set once it has arrived."""

    event: Event
    name: str
    # What the merchant takes by it, below zero if it gives back; it counts where a person joins it with a purchase.
    minor: int
    case_id: int | None = None


class Contradictions(Merchants):
    """Two cards of two people, one issuer, and events that mix them up."""

    buys = Merchants.buys
    card: VirtualCard
    other_card: VirtualCard
    # A purchase of the other card.
    others: Buy
    contradictions: list[Contradiction]

    @rule(
        buy=buys,
        amount=AMOUNTS,
        kind=st.sampled_from(["capture", "refund", "chargeback", CHANGE]),
        now=st.booleans(),
    )
    def news_names_another_persons_card(self, buy: Buy, amount: int, kind: str, now: bool) -> None:
        purchase = Authorization.objects.filter(issuer_authorization_id=self.words.authorization_id(buy)).first()
        is_disputed = kind == "chargeback"
        # Stripe's disputes name no card, and no change is told of what nobody asked about.
        cannot_be = (is_disputed and self.words.provider == "stripe") or (kind == CHANGE and not buy.was_asked)
        if purchase is None or purchase.card_id is None or cannot_be or (is_disputed and not buy.moved):
            return
        self._contradicts(buy, kind, amount, self.other_card, now=now)

    @rule(amount=AMOUNTS, kind=st.sampled_from(["capture", "refund", CHANGE]), now=st.booleans())
    def news_of_our_card_names_another_persons_purchase(self, amount: int, kind: str, now: bool) -> None:
        self._contradicts(self.others, kind, amount, self.card, now=now)

    def mixes_up(self, buy: Buy, amount: int, kind: str, *, is_theirs: bool) -> None:
        """By drawn steps alone, hardly anything that two people can join is told before the end."""
        if is_theirs:
            self.news_names_another_persons_card(buy, amount, kind, now=True)
        else:
            self.news_of_our_card_names_another_persons_purchase(amount, kind, now=True)

    @rule(pick=st.integers(0, 20), anew=st.booleans())
    def a_contradiction_arrives(self, pick: int, anew: bool) -> None:
        """Late, or again: as it was sent before, or, where a movement is told of again, under another id."""
        if self.contradictions:
            found = self.contradictions[pick % len(self.contradictions)]
            can_be_anew = anew and found.name and found.case_id
            self._arrives(found, self.words.told_anew(found.event) if can_be_anew else found.event)

    def all_contradictions_arrive(self) -> None:
        for found in self.contradictions:
            self._arrives(found, found.event)

    @invariant()
    def nobody_else_pays(self) -> None:
        """But for what a person says is theirs."""
        if hasattr(self, "other_card"):
            joined = CardTransaction.objects.exclude(authorization=None)
            theirs = joined.filter(Q(card=self.other_card) | Q(authorization__card=self.other_card))
            assert {name_of(each) for each in theirs} <= self.homes.said.keys()
            put = Authorization.objects.filter(issuer_authorization_id__in=self.homes.ever, card=self.other_card)
            references = {each.reference for each in put}
            asked = FundingObligation.objects.filter(cardholder=self.other_card.cardholder)
            assert set(asked.values_list("purchase", flat=True)) <= references
            assert references or not SpendWindow.objects.filter(card=self.other_card).exists()

    def _contradicts(self, buy: Buy, kind: str, amount: int, card: VirtualCard, *, now: bool) -> None:
        dispute = f"foreign_{len(self.contradictions)}" if kind == "chargeback" else ""
        if kind == CHANGE:
            name, event = "", self.words.reduces(buy, amount, amount)
        else:
            name, event = self.words.moves(buy, kind, amount, dispute=dispute)
            self.homes.named[name] = NONE
        minor = amount if kind == "capture" else -amount
        found = Contradiction(self.words.on_card(event, card.issuer_card_id), name, minor)
        self.contradictions.append(found)
        if now:
            self._arrives(found, found.event)

    def _arrives(self, found: Contradiction, event: Event) -> None:
        """One case is opened, once, and nothing else comes of it."""
        before, cases = money(), _cases()
        home = self._joined(found)
        assert self.words.deliver(event) in (("kept",) if not found.name else ("kept", "handled"))
        after = money()
        assert after == before, {name: (was, after[name]) for name, was in before.items() if after[name] != was}
        opened = _cases() - cases
        if found.case_id is None:
            (found.case_id,) = opened
            assert Case.objects.get(pk=found.case_id).status == Case.Status.OPEN
        assert opened <= {found.case_id}, "it has more than one case"
        assert self._joined(found) == home
        if found.name:
            assert self._kept(found).exclude(contradiction="").count() == 1

    def _joined(self, found: Contradiction) -> list[int | None]:
        """The purchases of what moved; only a person joins it with one."""
        return list(self._kept(found).exclude(authorization=None).values_list("authorization", flat=True))

    def _kept(self, found: Contradiction) -> Any:
        # Stripe's movement of a dispute has the id of the dispute before its own.
        kept = CardTransaction.objects.filter(provider=self.words.provider)
        return kept.filter(issuer_transaction_id__endswith=found.name) if found.name else kept.none()


def _cases() -> set[int]:
    return set(Case.objects.filter(kind=Case.Kind.EVENT_CONTRADICTION).values_list("pk", flat=True))
