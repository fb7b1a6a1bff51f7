"""Reads a row of Marqeta's webhook: the keys that decide, the update of its purchase, and its movement."""

from dataclasses import dataclass
from typing import Any

from issuing import states
from issuing.handlers import marqeta_clearing
from issuing.issuers.base import IssuerTransaction
from issuing.issuers.marqeta import decline_words
from issuing.issuers.marqeta.events import jit_funding, purchase_token, read_currency, read_merchant, read_minor
from issuing.issuers.marqeta.message_types import FIRST_MESSAGES
from issuing.issuers.messages import NOTHING, AuthorizationUpdate, MalformedEventError
from issuing.issuers.side_amounts import of_marqeta
from issuing.models import Provider
from onecard.kit.text import clean_text, free_text


@dataclass(frozen=True, slots=True)
class Row:
    """A message with the keys that decide about it; `update` describes the purchase, before its status is decided."""

    kind: str
    state: str
    jit_token: str
    is_final: bool | None
    released_minor: int
    update: AuthorizationUpdate
    movement: IssuerTransaction | None


def read_row(kind: str, row: dict[str, Any]) -> Row:
    """Raises MalformedEventError for a row without a token, or without a readable card, currency or amount."""
    currency = read_currency(row.get("currency_code"))
    jit_token = jit_funding(row).get("token")
    final = row.get("is_final_clearing")
    update = AuthorizationUpdate(
        provider=Provider.MARQETA,
        authorization_id=_needed(purchase_token(row), "token"),
        issuer_card_id=_needed(clean_text(row.get("card_token"), limit=64), "card_token"),
        ever_approved=True,
        asked_us=_expects_ours(kind, row),
        status="",
        amount_minor=read_minor(row.get("amount"), currency, "amount"),
        currency=currency,
        merchant=read_merchant(row, needs_mcc=False),
        authorization_code=free_text(row.get("approval_code"), limit=20),
        # A later message has the side amounts of its own part.
        beside=of_marqeta(row, currency) if kind in FIRST_MESSAGES else NOTHING,
        issuer_cardholder_id=clean_text(row.get("user_token"), limit=64),
        stood_in=_stood_in(kind, row),
        **decline_words.of(row),
    )
    return Row(
        kind=kind,
        state=clean_text(row.get("state"), limit=20),
        jit_token=jit_token if isinstance(jit_token, str) else "",
        is_final=final if isinstance(final, bool) else None,
        released_minor=_released_minor(row, update),
        update=update,
        movement=marqeta_clearing.read(kind, row, update),
    )


def _released_minor(row: dict[str, Any], update: AuthorizationUpdate) -> int:
    """Returns the amount that a reversal releases.

    An advice has the new total (docs/issuers/marqeta.md, Amounts by type).
    """
    order = row.get("gpa_order") or row.get("gpa_order_unload")
    if isinstance(order, dict) and "amount" in order:
        return read_minor(order["amount"], update.currency, "the order's amount")
    return update.amount_minor


def _stood_in(kind: str, row: dict[str, Any]) -> str:
    """Returns who approved in our place: Marqeta by its Commando Mode, or the network, which reports it afterwards."""
    by = clean_text(row.get("standin_approved_by"), limit=40).upper()
    if by.startswith("COMMANDO"):
        return states.StoodIn.ISSUER
    return states.StoodIn.NETWORK if by == "NETWORK" or kind.endswith(".standin") else ""


def _expects_ours(kind: str, row: dict[str, Any]) -> bool:
    """Returns whether we should know the purchase: the gateway was asked, or the message follows another."""
    if kind not in FIRST_MESSAGES:
        return bool(row.get("preceding_related_transaction_token"))
    return decline_words.gateway_log(row) is not None


def _needed(found: str, name: str) -> str:
    if not found:
        raise MalformedEventError(f"{name} is missing or no token.")
    return found
