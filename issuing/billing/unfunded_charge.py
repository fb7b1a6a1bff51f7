"""Charges the card that would have been chosen for a purchase that was approved without us."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import locking
from issuing.billing import amount_due, position, stored_balance
from issuing.models import Authorization, BalanceUse
from onecard.kit.money import Money
from onecard.users.models import User
from routing import preview
from wallet import cases
from wallet.casework import desk as case_desk
from wallet.casework.desk import CaseRefusedError
from wallet.casework.rules import CaseFacts
from wallet.methods import usable as methods
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.references import Subject


def charge_chosen(*, case: Case, user: User, reason: str, shown: str = "") -> FundingCharge:
    """Charges the card that routing chooses today for what no card was asked for. The case then closes.

    It happens once, however often it is called; later captures and refunds adjust it as for every purchase. `shown` is
    what the page showed (`Chosen.shown`), so nobody charges another card or amount than they saw. Raises
    CaseRefusedError, and then nothing has changed.
    """
    found = _find(case)
    if found is None:
        raise CaseRefusedError(gettext_lazy("This case names no purchase that is here."))
    # The wallet's lock comes after the purchase's.
    with locking.locked_purchase(found) as purchase, case_desk.opened(case) as facts:
        case_desk.refuse(why_not(facts))
        words, money = case_desk.checked(reason), unasked(purchase)
        method = _chosen(purchase)
        if shown and shown != Chosen(method, money).shown:
            raise CaseRefusedError(
                _("Meanwhile %(amount)s would be charged to %(card)s: look again before you go on.")
                % {"amount": money, "card": method}
            )
        charge = obligations.begin(
            method=method,
            reference=f"{case.reference}:{FundingObligation.objects.filter(purchase=case.reference).count() + 1}",
            purchase=case.reference,
            description=purchase.merchant_name or purchase.issuer_authorization_id,
            money=money,
        )
        summary = f"Charge of {money} to {method}"
        case_desk.note(facts, user, "case.charge_chosen", words, summary=summary, charge=charge.pk)
        amount_due.follow(purchase, actor=case_desk.actor(user))
        cases.resolve_cases(reference=case.reference, kinds=(Case.Kind.APPROVED_WITHOUT_US,))
    return charge


@dataclass(frozen=True, slots=True)
class Chosen:
    """The card that would be charged now, and for how much."""

    method: FundingMethod
    money: Money

    @property
    def shown(self) -> str:
        """The card and the amount in one word, for a form."""
        return f"{self.method.pk}:{self.money.minor}:{self.money.currency}"


def chosen(case: Case) -> Chosen | None:
    """Returns what the button would charge now; None where it cannot charge, and the button says why."""
    purchase = _find(case)
    if purchase is None or purchase.card is None or unasked(purchase).minor <= 0:
        return None
    try:
        return Chosen(_chosen(purchase), unasked(purchase))
    except CaseRefusedError:
        return None


def why_not(facts: CaseFacts) -> str:
    """Returns why no card can be charged for it, or ""."""
    case = facts.case
    if case.kind != Case.Kind.APPROVED_WITHOUT_US:
        return "This case is not about a purchase that was approved without us."
    if case.proposed_by_id:
        return "Somebody has proposed how it is settled: agree to that or withdraw it first."
    purchase = _find(case)
    if purchase is None or purchase.card is None:
        return "It is not known whose purchase this is: sync the issuer's cards first."
    if unasked(purchase).minor <= 0:
        return "Nothing is owed for it that nobody was asked for."
    return ""


def unasked(purchase: Authorization) -> Money:
    """Returns the amount due for a purchase beyond what its balance pays and cards were asked for."""
    name, amounts = purchase.reference, position.of(purchase)
    from_balance = sum(BalanceUse.objects.filter(authorization=purchase).values_list("amount_minor", flat=True))
    due_minor = amounts.due_minor - from_balance
    return Money(
        stored_balance.unasked_minor(reference=name, due_minor=due_minor, currency=purchase.currency),
        purchase.currency,
    )


def _chosen(purchase: Authorization) -> FundingMethod:
    """Returns the card that routing chooses for the purchase's MCC from today's wallet.

    Raises CaseRefusedError without one.
    """
    card = purchase.card
    assert card is not None  # noqa: S101  (why_not has said so)
    choice, _trace = preview.rank(card.cardholder, mcc=purchase.mcc, currency=purchase.currency)
    known = FundingMethod.objects.select_related("cardholder")
    found = known.get(pk=choice.method.id) if choice.method else None
    if found is None:
        raise CaseRefusedError(
            gettext_lazy("No card of this wallet can be charged now. Agree with the cardholder how it is paid.")
        )
    try:
        methods.refuse_unusable(found, currency=purchase.currency)
    except methods.UnusableMethodError as error:
        raise CaseRefusedError(error.message) from None
    return found


def _find(case: Case) -> Authorization | None:
    key = Subject.PURCHASE.key_in(case.reference)
    known = Authorization.objects.select_related("card__cardholder")
    return known.filter(pk=key).first() if key is not None else None
