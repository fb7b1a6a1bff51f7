"""Reads a Transaction document into the columns of a card transaction and checks it (docs/decisions/0008)."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Final

from issuing.legacy.card_document import LONGEST_USER_ID
from issuing.legacy.draft import Draft, made_identity, moment_of_id
from issuing.legacy.extended_json import digest_of, readable
from issuing.legacy.fields import Fields
from issuing.legacy.lines import Place
from issuing.legacy.redaction import Cleaned
from issuing.models import CardTransaction, LegacyDocument, Provider

# The old schema has no field for the time of a transaction; the first of these fields that a document has is taken.
WHEN: Final = ("occurredAt", "transactionDate", "timestamp", "date", "createdAt", "created", "updatedAt", "updated")
_KIND: Final = LegacyDocument.Kind.TRANSACTION


@dataclass(frozen=True, slots=True)
class CardRef:
    """A card that transactions can point to; `pk` is None in a dry run for a card that would have been made."""

    pk: int | None
    provider: str
    currency: str
    user_id: str = ""


@dataclass(slots=True, kw_only=True)
class TransactionDraft(Draft):
    """A transaction that was read and is not stored yet; `columns` are complete once its card is known."""

    kind: str = _KIND
    user_id: str
    card_id: str
    columns: dict[str, Any]
    fields: Fields = field(repr=False)
    faults_of_reading: int = 0
    card: CardRef | None = None
    has_amount: bool = False
    occurred_at: dt.datetime | None = None

    @property
    def issuer_id(self) -> tuple[str, str]:
        return (self.card.provider if self.card else ""), self.columns["issuer_transaction_id"]


def read_transaction(place: Place, cleaned: Cleaned) -> TransactionDraft:
    """Reads a document as a draft, as far as it can be checked without its card."""
    fields = Fields(readable(cleaned.document))
    legacy_id = fields.own_id(limit=64)
    moments = [fields.moment(name) for name in WHEN]
    draft = TransactionDraft(
        place=place,
        legacy_id=legacy_id,
        digest=digest_of(_KIND, cleaned.document),
        document=cleaned.document,
        user_id=fields.identity("userId", "user", limit=LONGEST_USER_ID, required=True),
        card_id=fields.identity("cardId", "card", "virtualCardId", "virtualCard", limit=64, required=True),
        columns=_columns(fields),
        occurred_at=next((moment for moment in moments if moment), None) or moment_of_id(legacy_id),
        fields=fields,
    )
    draft.faults, draft.faults_of_reading = fields.faults, len(fields.faults)
    return draft


def complete(draft: TransactionDraft, card: CardRef | None) -> None:
    """Checks what depends on the card: that it exists, its issuer, and the amount in its currency."""
    fields = draft.fields
    # A batch that failed is checked again, line by line.
    del fields.faults[draft.faults_of_reading :]
    if card is None and draft.card_id:
        fields.fault("cardId", f"{draft.card_id!r} is no card of this file and none that was imported before", None)
    draft.card = card
    currency = fields.currency(default=card.currency if card else "USD")
    amount = fields.amount("amount", currency=currency)
    draft.has_amount = amount is not None
    draft.columns |= {"currency": currency, "amount_minor": amount or 0}
    if card is None:
        return
    provider = fields.choice("issuerProvider", "provider", among=Provider.values, default=card.provider)
    if provider and provider != card.provider:
        fields.fault("issuerProvider", f"is {provider}, but the transaction's card is of {card.provider}", None)
    draft.legacy_id = draft.legacy_id or made_identity(card.provider, draft.columns["issuer_transaction_id"])


def _columns(fields: Fields) -> dict[str, Any]:
    return {
        "issuer_transaction_id": fields.identity("issuerTransactionId", limit=120, required=True),
        "issuer_event_type": fields.text("issuerEventType", limit=120, required=True),
        "issuer_authorization_id": fields.identity("issuerAuthorizationId", limit=120),
        "transaction_type": fields.choice("transactionType", among=CardTransaction.Type.values),
        "processing_status": fields.choice("processingStatus", among=CardTransaction.Processing.values),
        "authorization_code": fields.text("authorizationCode", limit=20),
        "mcc": fields.mcc("merchant.mcc", "mcc", "merchantMcc", "merchantCategoryCode"),
        "merchant_name": fields.text("merchant.name", "merchantName", limit=200),
        "merchant_category": fields.text("merchant.category", "merchantCategory", limit=120),
        "merchant_location": fields.text("merchant.location", "merchantLocation", limit=200),
    }
