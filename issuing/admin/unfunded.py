"""The case button that charges the chosen card for a purchase that was approved without us."""

from django.utils.translation import gettext_lazy

from issuing.billing import unfunded_charge
from onecard.users.models import User
from wallet.admin.case_actions import ACTIONS, CaseAction
from wallet.casework.rules import CaseFacts


def _why_not(facts: CaseFacts, _user: User) -> str:
    return unfunded_charge.why_not(facts)


ACTIONS["charge-chosen"] = CaseAction(
    title=gettext_lazy("Charge the card that would have been chosen"),
    words=gettext_lazy(
        "The card that the rules choose today for this merchant is charged at once, for all that nobody was asked for. "
        "What the merchant takes or gives back later follows by itself, and this case closes."
    ),
    done=gettext_lazy("The card is being charged, and the purchase's page shows the outcome in a moment."),
    call=unfunded_charge.charge_chosen,
    why_not=_why_not,
)
