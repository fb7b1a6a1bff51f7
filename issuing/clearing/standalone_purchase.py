"""A capture that is of no purchase here stands for one of its own, as one does of which no question ever came."""

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking, states
from issuing.clearing.match_errors import LinkRefusedError
from issuing.models import Authorization, CardTransaction
from onecard.kit import clock

# A purchase keeps less of its merchant's name than a movement does.
NAME_LIMIT = Authorization._meta.get_field("merchant_name").max_length or 0


def make(capture: CardTransaction, *, because: str, actor: str) -> Authorization:
    """Returns a settled purchase of the capture's card under the capture's own name, under the capture's lock.

    Nobody was asked for its money, so that once the capture is joined with it a case says so, from which the card that
    would have been chosen can be charged (billing/unfunded_charge.py). What names the capture later finds it. Raises
    LinkRefusedError where another purchase has that name.
    """
    locking.require_names(capture.provider, capture.issuer_transaction_id)
    now = clock.now()
    purchase, is_new = Authorization.objects.get_or_create(
        provider=capture.provider,
        issuer_authorization_id=capture.issuer_transaction_id,
        defaults={
            "card": capture.card,
            "status": states.Authorization.SETTLED,
            "approved_minor": 0,
            "currency": capture.currency,
            "mcc": capture.mcc,
            "merchant_name": capture.merchant_name[:NAME_LIMIT],
            "merchant_category": capture.merchant_category,
            "authorization_code": capture.authorization_code,
            "created_at": now,
            "updated_at": now,
        },
    )
    if not is_new:
        raise LinkRefusedError(
            format_lazy(
                gettext_lazy("{purchase} has its name already: say that it is of that one."), purchase=str(purchase)
            )
        )
    action, details = "transaction.purchase_of_its_own", {"authorization": purchase.pk, "because": because}
    trail.record(actor=actor, action=action, subject=capture, **details)
    return purchase
