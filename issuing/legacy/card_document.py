"""Reads a VirtualCard document into the columns of a card and checks each field (docs/decisions/0008)."""

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any, Final

from issuing import states
from issuing.legacy.draft import Draft, made_identity, moment_of_id
from issuing.legacy.extended_json import digest_of, readable
from issuing.legacy.fields import Fields
from issuing.legacy.lines import Place
from issuing.legacy.redaction import Cleaned
from issuing.models import LegacyDocument, Provider, VirtualCard
from onecard.kit.money import currency_exponent

# Defaults in whole units of the card's currency, as in the old schema. A limit in the document replaces its default.
DEFAULT_DAILY, DEFAULT_MONTHLY, DEFAULT_PER_TRANSACTION = 1000, 5000, 500
LONGEST_USER_ID: Final = 64
_KIND: Final = LegacyDocument.Kind.VIRTUAL_CARD


@dataclass(slots=True, kw_only=True)
class CardDraft(Draft):
    """A card that was read from a document and is not stored yet; `columns` are those of VirtualCard."""

    kind: str = _KIND
    user_id: str = ""
    email: str = ""
    kyc_verified: bool = False
    columns: dict[str, Any] = field(default_factory=dict)
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    had_card_data: bool = False
    number: str = field(default="", repr=False)
    cvv: str = field(default="", repr=False)

    @property
    def issuer_id(self) -> tuple[str, str]:
        return self.columns["issuer_provider"], self.columns["issuer_card_id"]


def read_card(place: Place, cleaned: Cleaned, *, provider_default: str | None = None) -> CardDraft:
    """Reads a document as a draft, whose faults say which field is missing or not allowed."""
    fields = Fields(readable(cleaned.document))
    columns = _columns(fields, provider_default)
    legacy_id = fields.own_id(limit=64)
    draft = CardDraft(
        place=place,
        legacy_id=legacy_id or made_identity(columns["issuer_provider"], columns["issuer_card_id"]),
        digest=digest_of(_KIND, cleaned.document),
        document=cleaned.document,
        user_id=fields.identity("userId", "user", limit=LONGEST_USER_ID, required=True),
        email=_email(fields),
        kyc_verified=fields.flag("kycVerified"),
        columns=columns,
        created_at=fields.moment("createdAt", "created") or moment_of_id(legacy_id),
        updated_at=fields.moment("updatedAt", "updated"),
        had_card_data=cleaned.had_card_data,
        number=cleaned.number,
        cvv=cleaned.cvv,
    )
    draft.faults = fields.faults
    _check_last_four(draft)
    return draft


def _columns(fields: Fields, provider_default: str | None) -> dict[str, Any]:
    currency = fields.currency(default="USD")
    return {
        "card_type": fields.choice("cardType", among=VirtualCard.CardType.values),
        "issuer_provider": fields.choice("issuerProvider", "provider", among=Provider.values, default=provider_default),
        "issuer_card_id": fields.identity("issuerCardId", limit=64, required=True),
        "issuer_card_token": fields.identity("issuerCardToken", limit=64, required=True),
        "last_four": fields.digits("lastFour", "last4", "lastFourDigits", "cardLastFour", count=4),
        "expiry_month": fields.whole("expiryMonth", "expirationMonth", "expMonth", low=1, high=12),
        "expiry_year": fields.whole("expiryYear", "expirationYear", "expYear", low=2000, high=2099),
        "currency": currency,
        **_limits(fields, currency),
        "status": fields.choice("status", among=states.Card.values, default=states.Card.PENDING),
        "balance_minor": fields.amount("balance", currency=currency) or 0,
        "compliance_flags": fields.texts("complianceFlags", limit=200),
        "last_synced_at": fields.moment("lastSyncedAt"),
    }


def _limits(fields: Fields, currency: str) -> dict[str, int]:
    """Returns the three limits.

    A default is moved so that the limits stay in order; a limit of the document never is.
    """
    daily = fields.amount("limit.daily", "dailyLimit", "spendingLimitDaily", "dailySpendingLimit", currency=currency)
    monthly = fields.amount(
        "limit.monthly", "monthlyLimit", "spendingLimitMonthly", "monthlySpendingLimit", currency=currency
    )
    each = fields.amount(
        "limit.perTransaction", "perTransactionLimit", "spendingLimitPerTransaction", currency=currency
    )
    given = [limit for limit in (each, daily, monthly) if limit is not None]
    if given != sorted(given):
        fields.fault(
            "spendingLimits", "are out of order; perTransaction must not exceed daily, nor daily monthly", None
        )
    unit = _minor_units(currency)
    daily = _between(each, DEFAULT_DAILY * unit, monthly) if daily is None else daily
    return {
        "per_transaction_limit_minor": min(DEFAULT_PER_TRANSACTION * unit, daily) if each is None else each,
        "daily_limit_minor": daily,
        "monthly_limit_minor": max(DEFAULT_MONTHLY * unit, daily) if monthly is None else monthly,
    }


def _between(low: int | None, value: int, high: int | None) -> int:
    value = value if low is None else max(low, value)
    return value if high is None else min(high, value)


def _minor_units(currency: str) -> int:
    return 10 ** currency_exponent(currency) if currency else 1


def _email(fields: Fields) -> str:
    """Returns the e-mail address of the document, or else of the user object in it."""
    given = fields.text("userEmail", "email", limit=254)
    _label, user = fields.take("user", "userId")
    inner = Fields(user).text("email", limit=254) if isinstance(user, dict) else ""
    email = given or inner
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        return fields.wrong("userEmail", email, "must be an e-mail address", "")
    return email


def _check_last_four(draft: CardDraft) -> None:
    """Fills in the last four digits; a fault when the document's digits differ from those of its card number."""
    named, of_number = draft.columns["last_four"], draft.number[-4:]
    if named and of_number and named != of_number:
        draft.faults.append("lastFour: is not how the card's number ends; both must agree")
    draft.columns["last_four"] = named or of_number
