"""News that names things of two people: it comes at once, late, again and under a new id, and nobody's money moves."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from issuing.models import (
    Authorization,
    BalanceUse,
    CardTransaction,
    Dispute,
    Hold,
    SpendWindow,
    VirtualCard,
)
from tests.invariants.issuers import Buy, Event
from tests.invariants.merchants import AMOUNTS, Merchants
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund, Posting

# A change of what is held names no movement.
CHANGE = "change"
MONEY: list[tuple[Any, tuple[str, ...]]] = [
    (Posting, ("key",)),
    (FundingObligation, ("status", "amount_minor", "released_minor")),
    (FundingCharge, ("status", "amount_minor")),
    (FundingRefund, ("status", "amount_minor")),
    (Hold, ("status", "amount_minor", "released_minor")),
    (SpendWindow, ("spent_minor",)),
    (BalanceUse, ("amount_minor", "posted_minor")),
    (VirtualCard, ("balance_minor",)),
    (Authorization, ("status", "approved_minor")),
]


@dataclass
class Contradiction:
    """One such event; `name` ends the issuer's id of what moved, and `case_id` is set once it has arrived."""

    event: Event
    name: str
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
        if hasattr(self, "other_card"):
            assert not CardTransaction.objects.filter(card=self.other_card).exclude(authorization=None).exists()
            assert not FundingObligation.objects.filter(cardholder=self.other_card.cardholder).exists()
            assert not SpendWindow.objects.filter(card=self.other_card).exists()

    def _contradicts(self, buy: Buy, kind: str, amount: int, card: VirtualCard, *, now: bool) -> None:
        dispute = f"foreign_{len(self.contradictions)}" if kind == "chargeback" else ""
        if kind == CHANGE:
            name, event = "", self.words.reduces(buy, amount, amount)
        else:
            name, event = self.words.moves(buy, kind, amount, dispute=dispute)
        found = Contradiction(self.words.on_card(event, card.issuer_card_id), name)
        self.contradictions.append(found)
        if now:
            self._arrives(found, found.event)

    def _arrives(self, found: Contradiction, event: Event) -> None:
        """One case is opened, once, and nothing else comes of it."""
        money, cases = _money(), _cases()
        home = self._joined(found)
        assert self.words.deliver(event) in (("kept",) if not found.name else ("kept", "handled"))
        after = _money()
        assert after == money, {name: (was, after[name]) for name, was in money.items() if after[name] != was}
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


def _money() -> dict[str, list[Any]]:
    """All that is money: booked, owed, asked for, given back, held, counted, on a card or disputed."""
    found = {model.__name__: list(model.objects.order_by("pk").values_list("pk", *fields)) for model, fields in MONEY}
    # One that contradicts is kept apart from all purchases (issuing/disputes/lifecycle.py).
    disputes = Dispute.objects.exclude(authorization=None).order_by("pk")
    return found | {"Dispute": list(disputes.values_list("pk", "status", "amount_minor"))}
