"""What a control can look at: the named attributes of one purchase, as one frozen value; pure.

None means that nobody stated it. A condition over an unknown attribute does not hold, unless it says that it does.
Where each attribute comes from at each issuer is a table in docs/controls.md.
"""

import datetime as dt
from typing import Final, NamedTuple

from issuing.issuers.merchants import CASH_MCCS
from issuing.issuers.messages import AuthorizationRequest, Merchant, Signals
from routing.merchant_groups import group_of


class History(NamedTuple):
    """What the card did before this purchase; None is unknown. issuing/fraud supplies it (docs/controls.md)."""

    new_merchant: bool | None = None
    new_country: bool | None = None
    new_mcc: bool | None = None
    declines_15_min: int | None = None
    declines_1_h: int | None = None
    declines_24_h: int | None = None
    consecutive_declines: int | None = None
    z_score: float | None = None
    impossible_travel: bool | None = None


UNKNOWN: Final = History()


class Holder(NamedTuple):
    """What is known of the card and its cardholder."""

    card_id: int
    cardholder_id: int
    currency: str
    card_created_at: dt.datetime | None = None
    kyc_state: str | None = None
    kyc_due_at: dt.datetime | None = None
    compliance_flags: frozenset[str] = frozenset()


class Attributes(NamedTuple):
    """The attributes of one purchase. `amount` is the whole purchase in minor units of the card's currency.

    `currency` is the one that the merchant charges in. `purchase_minor` is what this round asks for.
    """

    card_id: int
    cardholder_id: int
    billing_currency: str
    purchase_minor: int
    amount: int
    cash: bool
    mcc: str | None
    mcc_group: str | None
    country: str | None
    currency: str | None
    foreign_currency: bool
    merchant_id: str | None
    merchant_name: str | None
    entry_mode: str | None
    channel: str | None
    cvc: str | None
    expiry: str | None
    address: str | None
    three_d_secure: str | None
    wallet: str | None
    network_risk: int | None
    issuer_risk: int | None
    is_amount_controllable: bool
    card_age_days: int | None
    kyc_state: str | None
    kyc_days_left: int | None
    compliance_flags: frozenset[str] | None
    new_merchant: bool | None = None
    new_country: bool | None = None
    new_mcc: bool | None = None
    declines_15_min: int | None = None
    declines_1_h: int | None = None
    declines_24_h: int | None = None
    consecutive_declines: int | None = None
    z_score: float | None = None
    impossible_travel: bool | None = None


HISTORY: Final = History._fields


def attributes_of(
    asked: AuthorizationRequest,
    holder: Holder,
    *,
    now: dt.datetime,
    approved_before_minor: int = 0,
    history: History = UNKNOWN,
) -> Attributes:
    """Returns the attributes of a request; `approved_before_minor` is what earlier rounds of the purchase have."""
    return of_parts(
        holder,
        merchant=asked.merchant,
        billing_currency=asked.currency,
        merchant_currency=asked.beside.merchant_currency,
        is_cash=is_cash(asked.merchant.mcc, asked.beside.cash_minor) or asked.is_cash,
        purchase_minor=asked.amount_minor,
        amount_minor=approved_before_minor + asked.amount_minor,
        signals=asked.signals,
        now=now,
        history=history,
    )


def of_parts(
    holder: Holder,
    *,
    merchant: Merchant,
    billing_currency: str,
    merchant_currency: str,
    is_cash: bool,
    purchase_minor: int,
    amount_minor: int,
    signals: Signals,
    now: dt.datetime,
    history: History = UNKNOWN,
) -> Attributes:
    """Returns the attributes of a purchase that is not a request: a stored one, for counting and for previews."""
    theirs = merchant_currency or billing_currency
    # In the order of the fields, since every decision under controls comes here and names cost a multiple.
    return Attributes(
        holder.card_id,
        holder.cardholder_id,
        billing_currency,
        purchase_minor,
        amount_minor,
        is_cash,
        merchant.mcc or None,
        group_of(merchant.mcc),
        merchant.country or None,
        theirs or None,
        theirs != holder.currency,
        merchant.network_id or None,
        merchant.name or None,
        signals.entry_mode,
        signals.channel,
        signals.cvc,
        signals.expiry,
        signals.address,
        signals.three_d_secure,
        signals.wallet,
        signals.network_risk,
        signals.issuer_risk,
        signals.is_amount_controllable,
        None if holder.card_created_at is None else (now - holder.card_created_at).days,
        holder.kyc_state,
        None if holder.kyc_due_at is None else (holder.kyc_due_at - now).days,
        holder.compliance_flags,
        *history,
    )


def is_cash(mcc: str, cash_minor: int) -> bool:
    """Returns whether a purchase is cash or as good as cash by its MCC, or has cash in it."""
    return mcc in CASH_MCCS or cash_minor > 0
