"""The money of a purchase in numbers: what is due, what paid it, and what the cardholder still owes."""

from django.utils.translation import gettext as _

from issuing.billing import position
from issuing.models import Authorization, BalanceUse
from onecard.kit import display
from wallet.admin.money_page import MoneyPage
from wallet.casework.payers import Payers
from wallet.obligations import adjust, off_card


def facts(
    authorization: Authorization, money: MoneyPage, paid: Payers, use: BalanceUse | None
) -> list[tuple[str, str]]:
    """Returns the held amount, the movements at the merchant, and the amount due."""
    part, given_back = (use.amount_minor, use.given_back_minor) if use else (0, 0)
    now = position.of(authorization)
    due, by_cards = now.due_minor, adjust.collected(money.obligations, unpaid=paid.unpaid)
    elsewhere = off_card.read(authorization.reference, authorization.currency).minor
    settled = by_cards.paid_minor + by_cards.under_way_minor + elsewhere + max(0, part)
    amounts = (
        (_("Held"), authorization.approved_minor),
        (_("Captured"), now.captured_minor),
        (_("Came back from the merchant"), now.returned_minor),
        (_("Amount due"), max(0, due)),
        (_("Paid by funding cards"), by_cards.paid_minor),
        *([(_("Being charged or held on a card"), by_cards.under_way_minor)] if by_cards.under_way_minor else []),
        *([(_("From the card's balance"), part)] if part > 0 else []),
        *([(_("Given back to the card's balance by staff"), given_back)] if given_back else []),
        *([(_("Settled without a card"), elsewhere)] if elsewhere else []),
        (_("Owed by the cardholder"), max(0, due - settled)),
        *([(_("Given back beyond what was taken"), -due)] if due < 0 else []),
        *([(_("Put on the card's balance"), -part)] if part < 0 else []),
    )
    shown = [(name, display.money(minor, authorization.currency)) for name, minor in amounts]
    closes_at = authorization.settle_due_at
    return [*shown, (_("Settled as captured from"), display.moment(closes_at))] if closes_at else shown


def balance_use(authorization: Authorization) -> BalanceUse | None:
    """Returns what the card's balance has of the purchase, or None."""
    return BalanceUse.objects.filter(authorization=authorization).first()
