"""Records a clearing or a refund from a row of Marqeta's webhook, as for every issuer."""

from dataclasses import replace
from typing import Any

from issuing.clearing import card_transactions
from issuing.clearing.transaction_rows import MONEY_BACK
from issuing.issuers.base import IssuerTransaction
from issuing.issuers.marqeta.message_types import CLEARINGS, FIRST_MESSAGES, REFUND_CLEARING, REFUNDS
from issuing.issuers.marqeta.timestamps import happened_at
from issuing.issuers.merchants import location_of
from issuing.issuers.messages import AuthorizationUpdate, MalformedEventError
from issuing.issuers.side_amounts import of_marqeta
from issuing.issuers.transaction_kinds import Kind
from issuing.models import Authorization, CardTransaction
from onecard.kit import clock
from onecard.kit.text import clean_text

Type = CardTransaction.Type
_KINDS = {
    # A first message that is complete authorizes and captures at once, as PIN debit does.
    **dict.fromkeys(CLEARINGS | FIRST_MESSAGES, (Kind.CAPTURE, Type.SETTLEMENT)),
    **dict.fromkeys(REFUNDS, (Kind.REFUND, Type.REFUND)),
}


def read(kind: str, row: dict[str, Any], update: AuthorizationUpdate) -> IssuerTransaction | None:
    """Returns the movement of a row with its `update`; None for a kind that moves nothing.

    Raises MalformedEventError for a row without a token of its own.
    """
    if kind not in _KINDS:
        return None
    token = clean_text(row.get("token"), limit=64)
    if not token:
        raise MalformedEventError("token is missing or no token.")
    issuer_kind, transaction_type = _KINDS[kind]
    # A refund stands alone; a clearing that names no purchase is a purchase of its own.
    is_alone = kind in REFUNDS and not row.get("preceding_related_transaction_token")
    return IssuerTransaction(
        id=token,
        issuer_card_id=update.issuer_card_id,
        authorization_id="" if is_alone else update.authorization_id,
        kind=issuer_kind.value,
        amount_minor=-update.amount_minor if transaction_type in MONEY_BACK else update.amount_minor,
        currency=update.currency,
        merchant_name=update.merchant.name,
        mcc=update.merchant.mcc,
        created_at=happened_at(row) or clock.now(),
        issuer_cardholder_id=update.issuer_cardholder_id,
        **of_marqeta(row, update.currency).columns(),
    )


def record(kind: str, found: IssuerTransaction, update: AuthorizationUpdate) -> bool:
    """Records the movement of a row whose money has moved; True if it is new."""
    if kind == REFUND_CLEARING and not _is_known(found.authorization_id, update.provider):
        found = replace(found, authorization_id="")
    merchant = update.merchant
    return card_transactions.record(
        found,
        provider=update.provider,
        source=CardTransaction.Source.WEBHOOK,
        transaction_type=_KINDS[kind][1],
        event_type=kind,
        authorization_code=update.authorization_code,
        merchant_location=location_of(city=merchant.city, state=merchant.state, country=merchant.country),
    )


def _is_known(token: str, provider: str) -> bool:
    """Returns whether it is a purchase or a capture of ours."""
    purchases = Authorization.objects.filter(provider=provider, issuer_authorization_id=token)
    captures = CardTransaction.objects.filter(
        provider=provider, issuer_transaction_id=token, transaction_type=Type.SETTLEMENT
    )
    return purchases.exists() or captures.exists()
