"""Purchases that the issuer or the card network approved in our place: told apart from those that we stood in for."""

from audit import trail
from issuing.issuers.messages import AuthorizationUpdate
from issuing.models import Authorization
from onecard.kit.transactions import require_transaction


def note(update: AuthorizationUpdate, purchase: Authorization) -> None:
    """Marks a purchase that its issuer says somebody else approved, once; in the caller's transaction.

    It takes the place of our own mark: what we answered then was not what counted.
    """
    require_transaction("The mark of a purchase")
    if not (update.stood_in and update.ever_approved):
        return
    mine = Authorization.objects.filter(pk=purchase.pk).exclude(stood_in=update.stood_in)
    if mine.update(stood_in=update.stood_in) == 1:
        trail.record(
            actor=f"issuer:{update.provider}",
            action="authorization.stood_in_by_other",
            subject=purchase,
            who=update.stood_in,
        )
