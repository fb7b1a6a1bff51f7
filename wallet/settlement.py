"""What is owed for a purchase, brought about: a further charge when it became more, a refund when it became less.

Whoever learns something about a purchase says what its holder owes by now, and nothing about how to get there. So news
may come in any order and as often as it likes: the same amount again changes nothing (money-safety I10).
"""

from dataclasses import dataclass

from django.db.models import Sum

from onecard.kit.money import Money
from onecard.kit.transactions import lock_name, require_transaction
from wallet import cases, ledger, obligations, refunds, states
from wallet.chart import Account
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation, Posting

LOSSES = (Posting.Kind.WRITE_OFF, Posting.Kind.GOODWILL)


def bring_to(*, purchase: str, owed: Money, description: str, is_over: bool, actor: str) -> int:
    """Makes the purchase's obligations, less what is given back of them, sum up to `owed`; gives the difference made.

    `is_over` when no merchant can take more of what is held: then what funding cards hold for it is captured. In the
    caller's transaction. A purchase that nobody was ever charged for is left alone: whom to charge is a
    person's question. Raises TransactionError outside a transaction.
    """
    require_transaction("The settlement of a purchase")
    # There may be no obligation yet to lock.
    lock_name(f"onecard.settlement:{purchase}")
    owing = list(
        FundingObligation.objects.select_for_update(no_key=True, of=("self",)).filter(purchase=purchase).order_by("pk")
    )
    left, past = _left_of(owing), _past_cards(purchase, owed.currency)
    committed = sum(left.values()) + past.minor
    if owed.minor > committed and not owing:
        return 0
    if owed.minor > committed:
        _ask_for_more(purchase, owing, Money(owed.minor - committed, owed.currency), description)
    else:
        excess = committed - owed.minor - _win_back(purchase, past, Money(committed - owed.minor, owed.currency))
        _give_back(owing, left, excess, reason=f"Less is owed than was paid: {description}", actor=actor)
        _tell_of_rest(purchase, past, Money(max(0, excess - sum(left.values())), owed.currency))
    if is_over:
        for obligation in owing:
            obligations.capture_from_now(obligation)
    return owed.minor - committed


def committed_minor(purchase: str, currency: str) -> int:
    """Minor units: what funding cards were asked for and is not on its way back, was given up, or came from outside."""
    owing = list(FundingObligation.objects.filter(purchase=purchase))
    return sum(_left_of(owing).values()) + _past_cards(purchase, currency).minor


@dataclass(frozen=True, slots=True)
class _PastCards:
    """What is settled of a purchase without a funding card, in minor units: our losses, and what came from outside.

    `sent_back_minor` had come from outside too, and has gone there again.
    """

    lost: dict[str, int]
    outside_minor: int
    sent_back_minor: int

    @property
    def minor(self) -> int:
        return sum(self.lost.values()) + self.outside_minor


def _past_cards(purchase: str, currency: str) -> _PastCards:
    """What two people gave up, or staff gave back out of kindness, is not asked for again; nor is what has come.

    What went out to the cardholder past the product counts only where it had come that way: a refund that failed is
    counted as given back already.
    """
    kinds = (*LOSSES, Posting.Kind.OUTSIDE)
    rows = Posting.objects.filter(reference=purchase, kind__in=kinds, currency=currency).order_by()
    sums = {
        (kind, debit): minor for kind, debit, minor in rows.values_list("kind", "debit").annotate(Sum("amount_minor"))
    }
    won_back = {kind: sums.get((kind, Account.PURCHASES), 0) for kind in LOSSES}
    lost: dict[str, int] = {kind: sums.get((kind, ledger.MOVES[kind][0]), 0) - won_back[kind] for kind in LOSSES}
    came = sums.get((Posting.Kind.OUTSIDE, Account.OUTSIDE), 0)
    sent_back = _sent_back_minor(purchase, currency) if came else 0
    return _PastCards(lost, came - sent_back, sent_back)


def _sent_back_minor(purchase: str, currency: str) -> int:
    """What two people sent back the way it had come (wallet/case_proposals.py)."""
    told = Case.objects.filter(kind=Case.Kind.REFUND_FAILED, reference=purchase, proposal=Case.Proposal.OUTSIDE)
    keys = [f"{Case.Proposal.OUTSIDE}:{pk}" for pk in told.values_list("pk", flat=True)]
    postings = Posting.objects.filter(key__in=keys, currency=currency)
    total: int = postings.aggregate(total=Sum("amount_minor", default=0))["total"]
    return total


def _win_back(purchase: str, past: _PastCards, excess: Money) -> int:
    """What is not owed after all was not lost: it makes our losses good before anything goes back to a card."""
    won = 0
    for kind, minor in past.lost.items():
        part = min(minor, excess.minor - won)
        if part > 0:
            ledger.post(
                kind=kind,
                key=f"won_back:{kind}:{purchase}:{_count(purchase, kind)}",
                money=Money(part, excess.currency),
                reference=purchase,
                back=True,
            )
            won += part
    return won


def _count(purchase: str, kind: str) -> int:
    return Posting.objects.filter(reference=purchase, kind=kind).count()


def _tell_of_rest(purchase: str, past: _PastCards, rest: Money) -> None:
    """What came from outside goes back there, and only a person can see to that.

    With what was sent back before, so that the same amount once more is not taken for a case that was worked.
    """
    if past.outside_minor:
        in_all = rest.minor + past.sent_back_minor if rest.minor else 0
        cases.keep_one(
            kind=Case.Kind.REFUND_FAILED,
            reference=purchase,
            money=Money(in_all, rest.currency),
            summary=f"{rest} is not owed any more, and was paid past the product: no card can be given it back.",
        )


def _left_of(owing: list[FundingObligation]) -> dict[int, int]:
    """What is owed of each still, or was paid and stays paid, in minor units by its key."""
    counting = [each for each in owing if each.status != states.Obligation.RELEASED]
    given_back = refunds.given_back_minor_of(counting)
    return {each.pk: each.payable.minor - given_back.get(each.pk, 0) for each in counting}


def _ask_for_more(purchase: str, owing: list[FundingObligation], money: Money, description: str) -> None:
    obligations.begin(
        method=_method_of(owing),
        reference=f"{purchase}:{len(owing) + 1}",
        purchase=purchase,
        description=description,
        money=money,
    )


def _method_of(owing: list[FundingObligation]) -> FundingMethod:
    """The card that paid before, else the one that was asked last."""
    charges = FundingCharge.objects.filter(obligation__in=owing).select_related("method")
    paid = charges.filter(status=states.Charge.SUCCEEDED).order_by("-pk").first()
    return (paid or charges.order_by("-pk")[0]).method


def _give_back(owing: list[FundingObligation], left: dict[int, int], excess: int, *, reason: str, actor: str) -> None:
    """The newest first. What nobody has paid yet is released, if it falls away as a whole, and a hold is reduced."""
    for obligation in reversed(owing):
        part = min(excess, left.get(obligation.pk, 0))
        if part <= 0:
            continue
        if part == left[obligation.pk] and obligation.status != states.Obligation.FUNDED:
            obligations.release(obligation_id=obligation.pk, actor=actor)
        elif not obligations.give_up(obligation, part, actor=actor):
            refunds.begin(obligation=obligation, amount_minor=part, reason=reason, actor=actor)
        excess -= part
