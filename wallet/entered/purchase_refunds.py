"""Refunds of a purchase that staff make at our own cost (docs/decisions/0046), entered like every amount.

The money goes back to the funding cards that paid, the newest charge first, and then to the card's own balance. It is
booked as goodwill at once: what the merchant gives back later makes good our loss first, so nobody gets the same money
twice (wallet/obligations/adjust.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from onecard.kit.currency_units import stripe_step
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from onecard.users.models import User
from wallet import locking as wallet_locking
from wallet import states
from wallet.entered import amounts as entered_amounts
from wallet.entered import card_balances
from wallet.entered.card_balances import BalancePart
from wallet.ledger import postings as ledger
from wallet.models import Cardholder, Case, EnteredAmount, FundingCharge, FundingDispute, FundingObligation
from wallet.references import Subject
from wallet.refunds import records as refunds

# The bank has the money or may keep it; the processor refuses a refund of such a charge.
WITH_ITS_BANK: Final = (
    states.FundingDispute.NEEDS_RESPONSE,
    states.FundingDispute.UNDER_REVIEW,
    states.FundingDispute.LOST,
)


class RefundRefusedError(OneCardError):
    """The purchase cannot be refunded so. The message says why, for staff."""

    code = "purchase_refund_refused"


@dataclass(frozen=True, slots=True)
class Part:
    """A charge that paid, and what of it can still be given back."""

    charge: FundingCharge
    left: Money


@dataclass(frozen=True, slots=True)
class Refundable:
    """What can be given back of a purchase now: the newest charge first, and why a charge that paid is left out.

    `balance` is what the card's own balance paid, or None. It gets back last.
    """

    parts: list[Part]
    left_out: list[tuple[FundingCharge, str]]
    balance: BalancePart | None
    left: Money
    # What was given back of all charges and to the balance, or is on its way: a page that is out of date shows less.
    given_back: Money

    @property
    def why_not(self) -> str:
        """Why nothing can be given back, or ""."""
        if self.left.minor:
            return ""
        if self.left_out:
            return self.left_out[0][1]
        if self.balance is not None and self.balance.why_not:
            return self.balance.why_not
        if self.given_back.minor:
            return _("All that was paid is given back, or on its way.")
        return _("No funding card has paid for this purchase yet, and no balance: there is nothing to give back.")

    @property
    def cardholder(self) -> Cardholder:
        """Whose money it is; there is one where `why_not` is empty."""
        if self.parts:
            return self.parts[0].charge.obligation.cardholder
        if self.balance is None:
            raise AssertionError("Nobody has paid, so there is nobody to give back to.")
        return self.balance.cardholder

    @property
    def by_cards(self) -> Money:
        """What funding cards can get back."""
        return Money(sum(part.left.minor for part in self.parts), self.left.currency)

    def for_balance(self, amount: Money) -> Money:
        """Returns which part of an amount the card's balance gets back: what is more than funding cards can get."""
        return Money(max(0, amount.minor - self.by_cards.minor), amount.currency)

    def split(self, amount: Money) -> list[tuple[Part, Money]]:
        """Returns which part of an amount each charge gives back, the newest first."""
        rest, shares = amount.minor, []
        for part in self.parts:
            minor = min(rest, part.left.minor)
            if minor:
                shares.append((part, Money(minor, amount.currency)))
                rest -= minor
        return shares


def of_purchase(purchase: str, currency: str) -> Refundable:
    """Reads what can be given back of a purchase by its reference, such as authorization:17."""
    return _refundable(purchase, FundingObligation.objects.filter(purchase=purchase).order_by("pk"), currency)


def refund(*, purchase: str, amount: Money, reason: str, user: User, shown_minor: int) -> EnteredAmount:
    """Refunds a part or all of a purchase, or proposes it to a second person; the returned status says which.

    `shown_minor` is what the page showed as given back: after a second press it is more. Raises RefundRefusedError and
    what `entered_amounts.enter` raises.
    """
    found = of_purchase(purchase, amount.currency)
    _refuse(found, amount, shown_minor)
    return entered_amounts.enter(
        kind=entered_amounts.Kind.REFUND,
        reference=purchase,
        cardholder=found.cardholder,
        amount=amount,
        reason=reason,
        user=user,
        details={"seen_minor": shown_minor},
    )


def is_of_purchase(entered: EnteredAmount) -> bool:
    """Returns whether an entered refund is of a purchase, and not of a case."""
    return Subject.PURCHASE.named_by(entered.reference)


def lock(entered: EnteredAmount) -> None:
    """Locks the purchase and the card whose balance may have paid, which come before the wallet's locks."""
    card_balances.registered().lock(entered.reference)


def apply(entered: EnteredAmount) -> None:
    """Writes the refunds and what they cost us, under the lock of the purchase's money, in the caller's transaction."""
    require_transaction("A refund of a purchase")
    lock(entered)
    found = _refundable(entered.reference, wallet_locking.lock_obligations(entered.reference), entered.currency)
    _refuse(found, entered.money, int(entered.details["seen_minor"]))
    for part, share in found.split(entered.money):
        made = refunds.begin(
            obligation=part.charge.obligation,
            amount_minor=share.minor,
            reason=entered.reason,
            actor=entered_amounts.actors(entered),
        )
        _book(entered, share, str(made.public_id))
    to_balance = found.for_balance(entered.money)
    if to_balance.minor:
        _book(entered, to_balance, f"balance:{entered.pk}")
        balances = card_balances.registered()
        balances.give_back(entered.reference, to_balance, entered.reason, entered_amounts.actors(entered))


def _book(entered: EnteredAmount, share: Money, key: str) -> None:
    ledger.post(kind=ledger.Kind.GOODWILL, key=f"goodwill:{key}", money=share, reference=entered.reference)


def _refundable(purchase: str, obligations: Iterable[FundingObligation], currency: str) -> Refundable:
    existing = {each.pk: each for each in obligations if each.currency == currency}
    given_back = refunds.given_back_minor_of(existing.values())
    paid = _paid(existing)
    why_not = _why_not_of(existing) if paid else {}
    parts, left_out = [], []
    for charge in paid:
        obligation = existing[charge.obligation_id]
        left = Money(obligation.payable.minor - given_back.get(obligation.pk, 0), currency)
        if left.minor <= 0 or obligation.status != states.Obligation.FUNDED:
            continue
        if obligation.pk in why_not:
            left_out.append((charge, why_not[obligation.pk]))
        else:
            parts.append(Part(charge, left))
    balance = card_balances.registered().read(purchase, currency)
    left_minor, back_minor = sum(part.left.minor for part in parts), sum(given_back.values())
    if balance is not None:
        left_minor, back_minor = left_minor + balance.left.minor, back_minor + balance.given_back.minor
    return Refundable(parts, left_out, balance, Money(left_minor, currency), Money(back_minor, currency))


def _paid(existing: dict[int, FundingObligation]) -> list[FundingCharge]:
    """Returns the charges that paid, the newest first."""
    paid = FundingCharge.objects.filter(obligation__in=existing, status=states.Charge.SUCCEEDED)
    rows = paid.select_related("method", "obligation__cardholder")
    return sorted(rows, key=lambda charge: (charge.finished_at or charge.updated_at, charge.pk), reverse=True)


def _why_not_of(existing: dict[int, FundingObligation]) -> dict[int, str]:
    """Returns, by the obligations' keys, why the processor or we would not give back what they paid."""
    disputed = FundingDispute.objects.filter(charge__obligation__in=existing, status__in=WITH_ITS_BANK)
    twice = Case.objects.filter(
        obligation__in=existing, kind=Case.Kind.TWO_CHARGES, status=Case.Status.OPEN
    ).values_list("obligation_id", flat=True)
    bank = _("The funding card's bank disputes this charge: what it takes back would be given back twice.")
    second = _("The processor may have taken this money twice: settle the case about the second charge first.")
    with_bank = disputed.values_list("charge__obligation_id", flat=True)
    return dict.fromkeys(with_bank, bank) | dict.fromkeys(twice, second)


def _refuse(found: Refundable, amount: Money, shown_minor: int) -> None:
    """Raises RefundRefusedError for a refund that cannot be made, whoever agrees to it."""
    if shown_minor != found.given_back.minor:
        raise RefundRefusedError(
            _("Meanwhile %(amount)s in all is given back, or on its way: look again before you go on.")
            % {"amount": found.given_back}
        )
    if found.why_not:
        raise RefundRefusedError(found.why_not)
    if amount.currency != found.left.currency or not 0 < amount.minor <= found.left.minor:
        raise RefundRefusedError(
            _("%(amount)s cannot be given back: %(left)s is left of what was paid.")
            % {"amount": amount, "left": found.left}
        )
    step, by_cards = stripe_step(amount.currency), found.by_cards
    if amount.minor % step and amount.minor < by_cards.minor:
        raise RefundRefusedError(
            _("The processor counts in steps of %(step)s: give back a multiple of that, or all that is left.")
            % {"step": Money(step, amount.currency)}
        )
