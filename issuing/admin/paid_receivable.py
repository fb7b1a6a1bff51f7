"""The case button that unfreezes the card of a purchase which is paid by now."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.billing import paid_receivable
from issuing.errors import CardRefusedError
from onecard.users.models import User
from wallet.admin.case_actions import ACTIONS, CaseAction
from wallet.casework.rules import CaseFacts


def _why_not(facts: CaseFacts, _user: User) -> str:
    return paid_receivable.why_not(facts.case)


def _facts(facts: CaseFacts) -> list[tuple[str, object]]:
    """Names the card and its holder, and says so when the card stays frozen as its holder wants it."""
    card = paid_receivable.card_of(facts.case)
    if card is None:
        return []
    named = [(_("Card"), card), (_("Cardholder"), card.cardholder.name)]
    if not paid_receivable.is_holders_too(card, facts.case):
        return named
    stays = _("It stays frozen, as its holder froze it themselves: they can unfreeze it then.")
    return [*named, (_("After this"), stays)]


ACTIONS["unfreeze"] = CaseAction(
    title=gettext_lazy("Unfreeze the card"),
    words=gettext_lazy(
        "The purchase is paid. The card that was frozen for it can be used again as soon as its issuer says yes, and "
        "its holder is told."
    ),
    done=gettext_lazy("The freeze for this case is ended; the card's page shows how the card stands."),
    call=paid_receivable.unfreeze,
    why_not=_why_not,
    facts=_facts,
    refusals=(CardRefusedError,),
    when_resolved=True,
    moves_money=False,
)
