"""Makes what cards were asked for follow the amount due: a further charge when it rises, a refund when it falls.

The caller says how much the cardholder owes for the purchase by now, and not how to get there. So updates may come in
any order and repeatedly: the same amount again changes nothing (money-safety I10).
"""

from collections.abc import Collection
from dataclasses import dataclass

from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from wallet import locking as wallet_locking
from wallet import states
from wallet.methods import usable as methods
from wallet.models import FundingCharge, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.obligations import off_card
from wallet.refunds import records as refunds


def bring_to(*, purchase: str, amount_due: Money, description: str, is_over: bool, actor: str) -> int:
    """Brings what cards were asked for, less refunds, to `amount_due`; returns the difference in minor units.

    `is_over` means that no merchant can take more of what is held: then the holds on funding cards are captured. Runs
    in the caller's transaction and raises TransactionError outside one. A purchase that no card was ever asked for
    stays as it is: a person has to choose the card.
    """
    require_transaction("The settlement of a purchase")
    existing = wallet_locking.lock_obligations(purchase)
    left, off_card_money = _left_of(existing), off_card.read(purchase, amount_due.currency)
    change = amount_due.minor - sum(left.values()) - off_card_money.minor
    rest_minor = 0
    if change <= 0:
        excess = -change - off_card.win_back(purchase, off_card_money, Money(-change, amount_due.currency))
        _give_back(existing, left, excess, reason=f"Less is owed than was paid: {description}", actor=actor)
        rest_minor = max(0, excess - sum(left.values()))
    off_card.keep_case_for_rest(purchase, off_card_money, Money(rest_minor, amount_due.currency))
    if change > 0 and not existing:
        return 0
    if change > 0:
        _ask_for_more(purchase, existing, Money(change, amount_due.currency), description)
    if is_over:
        for obligation in existing:
            obligations.capture_from_now(obligation)
    return change


def take_off(*, purchase: str, excess: Money, reason: str, actor: str) -> None:
    """Takes off what is settled twice by now: our losses are reduced first, and cards get the rest back.

    What was paid outside the product is a case. Runs in the caller's transaction.
    """
    require_transaction("The settlement of a purchase")
    existing = wallet_locking.lock_obligations(purchase)
    left, off_card_money = _left_of(existing), off_card.read(purchase, excess.currency)
    minor = excess.minor - off_card.win_back(purchase, off_card_money, excess)
    _give_back(existing, left, minor, reason=reason, actor=actor)
    rest_minor = minor - sum(left.values())
    if rest_minor > 0:
        off_card.keep_case_for_rest(purchase, off_card_money, Money(rest_minor, excess.currency))


def committed_minor(purchase: str, currency: str) -> int:
    """Minor units that cards were asked for, less refunds, plus losses and what came from outside."""
    existing = list(FundingObligation.objects.filter(purchase=purchase))
    return sum(_left_of(existing).values()) + off_card.read(purchase, currency).minor


@dataclass(frozen=True, slots=True)
class Collected:
    """What cards were asked for and a purchase still keeps, in minor units: what is paid, and what is under way."""

    paid_minor: int
    under_way_minor: int


def collected(existing: list[FundingObligation], *, unpaid: Collection[int]) -> Collected:
    """Returns how much of what a purchase's obligations asked for, less refunds, is paid by now.

    `unpaid` has the keys of those that nobody pays, also while a card is to be asked again later.
    """
    left = _left_of(existing)

    def sum_of(status: str) -> int:
        return sum(left.get(each.pk, 0) for each in existing if each.status == status and each.pk not in unpaid)

    return Collected(sum_of(states.Obligation.FUNDED), sum_of(states.Obligation.OPEN))


def _left_of(existing: list[FundingObligation]) -> dict[int, int]:
    """Maps each obligation's key to what it still owes, or has paid and keeps, in minor units."""
    counting = [each for each in existing if each.status != states.Obligation.RELEASED]
    given_back = refunds.given_back_minor_of(counting)
    return {each.pk: each.payable.minor - given_back.get(each.pk, 0) for each in counting}


def _ask_for_more(purchase: str, existing: list[FundingObligation], money: Money, description: str) -> None:
    obligations.begin(
        method=_method_of(existing, money.currency),
        reference=f"{purchase}:{len(existing) + 1}",
        purchase=purchase,
        description=description,
        money=money,
    )


def _method_of(existing: list[FundingObligation], currency: str) -> FundingMethod:
    """Returns the card that paid before, or the last that was asked; if it cannot be charged, the backup card.

    Without a usable backup card the charge fails, and the cascade goes on from there.
    """
    charges = FundingCharge.objects.filter(obligation__in=existing).select_related("method")
    paid = charges.filter(status=states.Charge.SUCCEEDED).order_by("-pk").first()
    before = (paid or charges.order_by("-pk")[0]).method
    wallet = FundingMethod.objects.filter(cardholder_id=before.cardholder_id).select_related("cardholder")
    return methods.first_usable(wallet, order=(before.pk,), currency=currency) or before


def _give_back(
    existing: list[FundingObligation], left: dict[int, int], excess: int, *, reason: str, actor: str
) -> None:
    """Takes the excess off, newest obligation first: releases it if unpaid, reduces its hold, or refunds it."""
    for obligation in reversed(existing):
        part = min(excess, left.get(obligation.pk, 0))
        if part <= 0:
            continue
        if part == left[obligation.pk] and obligation.status != states.Obligation.FUNDED:
            obligations.release(obligation_id=obligation.pk, actor=actor)
        elif not obligations.give_up(obligation, part, actor=actor):
            refunds.begin(obligation=obligation, amount_minor=part, reason=reason, actor=actor)
        excess -= part
