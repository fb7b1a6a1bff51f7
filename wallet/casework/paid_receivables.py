"""What a paid receivable's case still offers in the wallet: its declined cards may be charged again at once."""

from django.utils.translation import gettext as _

from onecard.kit.transactions import transaction
from onecard.users.models import User
from wallet.casework import rules as case_rules
from wallet.casework.desk import CaseRefusedError, actor, checked, note, refuse
from wallet.methods import cooling
from wallet.methods import usable as methods
from wallet.models import Case, FundingMethod


def end_cooling(*, case: Case, user: User, reason: str) -> list[FundingMethod]:
    """Ends the pauses of the cards that declined this case's charges, and returns those cards.

    Raises CaseRefusedError when none of them rests for it any more, as for a second press.
    """
    words = checked(reason)
    with transaction():
        if case.obligation is not None:
            methods.lock_wallet(case.obligation.cardholder_id)
        refuse(why_not_end_cooling(case))
        ended = cooling.end(_paused(case), actor=actor(user))
        if not ended:
            raise CaseRefusedError(_("No card cools down for this case any more."))
        names = ", ".join(str(card) for card in ended)
        facts, keys = case_rules.read_facts(case), [card.pk for card in ended]
        note(facts, user, "case.cooling_ended", words, summary=f"End of the pause of {names}", methods=keys)
    return ended


def why_not_end_cooling(case: Case) -> str:
    """Returns why no pause can be ended, or ""."""
    not_paid = case_rules.why_not_paid(case)
    if not_paid:
        return not_paid
    return "" if _paused(case) else _("No card cools down for this case any more.")


def _paused(case: Case) -> list[FundingMethod]:
    return cooling.paused_by(case.obligation) if case.obligation else []
