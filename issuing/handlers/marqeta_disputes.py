"""Marqeta's chargeback messages and transitions as dispute updates.

The meaning of each message is from Marqeta's guide to dispute events: `chargeback` comes when a dispute is created,
`completed` when it is won without provisional credit, `reversal` when it is lost or rejected by the network. No sample
was seen, so these are assumptions: a PENDING message has moved no money; messages carry the chargeback as an object of
that name, and those without one name the same earlier message (which then stands for the dispute); `completed` reports
the money of a pending `chargeback`, so the two are one movement; a write-off moves nothing by itself.
"""

from typing import Any

from django.conf import settings

from issuing import states
from issuing.disputes import lifecycle as disputes
from issuing.disputes.lifecycle import DisputeUpdate, Movement
from issuing.inbox.unhandled_money import UnhandledMoneyError, carries_amount
from issuing.issuers.marqeta.disputes import STATES
from issuing.issuers.marqeta.events import AmountError, read_currency, read_minor
from issuing.issuers.marqeta.message_types import DISPUTE_BEGINNINGS
from issuing.issuers.marqeta.timestamps import happened_at
from issuing.issuers.messages import AuthorizationUpdate, MalformedEventError
from issuing.issuers.side_amounts import of_marqeta
from issuing.models import CardTransaction, Provider
from onecard.kit import clock
from onecard.kit.text import clean_text, free_text

Type = CardTransaction.Type
Status = states.Dispute
# The rest of the type -> its movement, and the dispute's status.
_SAYS: dict[str, tuple[str, str]] = {
    "": (Type.CHARGEBACK, Status.SUBMITTED),
    ".representment": ("", Status.SUBMITTED),
    ".completed": (Type.CHARGEBACK, Status.WON),
    ".reversal": (Type.CHARGEBACK_REVERSAL, Status.LOST),
    ".provisional.credit": (Type.PROVISIONAL_CREDIT, Status.SUBMITTED),
    ".provisional.debit": (Type.PROVISIONAL_DEBIT, ""),
    ".writeoff": ("", Status.LOST),
}
MESSAGES = {f"{begins}{ends}": says for begins in DISPUTE_BEGINNINGS for ends, says in _SAYS.items()}
Result = tuple[str, str]
HANDLED: Result = (states.Event.HANDLED, "")


def apply_message(kind: str, row: dict[str, Any], update: AuthorizationUpdate) -> Result:
    """Applies one of MESSAGES with its `update`. Raises MalformedEventError before anything is written."""
    transaction_type, status = MESSAGES[kind]
    token, about = clean_text(row.get("token"), limit=64), _object(row, "chargeback")
    earlier = clean_text(row.get("preceding_related_transaction_token"), limit=64)
    reported_at = happened_at(row) or clock.now()
    movement = Movement(
        transaction_type=transaction_type,
        amount_minor=update.amount_minor,
        currency=update.currency,
        occurred_at=reported_at,
        id="" if kind.endswith(".completed") else token,
        beside=of_marqeta(row, update.currency),
    )
    has_moved = transaction_type and update.amount_minor and row.get("state") != "PENDING"
    if not token:
        raise MalformedEventError("token is missing or no token.")
    disputes.apply_update(
        DisputeUpdate(
            provider=update.provider,
            dispute_id=clean_text(about.get("token"), limit=50) or earlier or token,
            disputed_id=clean_text(about.get("transaction_token"), limit=64) or earlier,
            also_named=earlier,
            status=status,
            amount_minor=update.amount_minor,
            currency=update.currency,
            reported_at=reported_at,
            event_type=kind,
            reason=free_text(about.get("reason_description"), limit=80),
            movements=(movement,) if has_moved else (),
            issuer_card_id=update.issuer_card_id,
            issuer_cardholder_id=update.issuer_cardholder_id,
            merchant=update.merchant,
            authorization_code=update.authorization_code,
        )
    )
    return HANDLED


def gives_money(kind: str) -> bool:
    """Returns whether one of MESSAGES says that we received money."""
    return MESSAGES[kind][0] in (Type.CHARGEBACK, Type.PROVISIONAL_CREDIT)


def apply_transition(row: dict[str, Any]) -> Result:
    """Applies a chargeback's transition: the dispute's status, and no money."""
    state = clean_text(row.get("state"), limit=40)
    if state not in STATES and carries_amount(row):
        raise UnhandledMoneyError(f"A state of chargebacks that is new to us: {state}.")
    if state not in STATES:
        return states.Event.KEPT, "A state of chargebacks that is new to us."
    currency = read_currency(row.get("currency_code") or settings.MARQETA_CURRENCY)
    disputes.apply_update(
        DisputeUpdate(
            provider=Provider.MARQETA,
            dispute_id=clean_text(row.get("chargeback_token"), limit=50),
            disputed_id=clean_text(row.get("transaction_token"), limit=64),
            status=STATES[state],
            # Later states carry other amounts, such as what the merchant contests.
            amount_minor=_amount(row, currency) if state == "INITIATED" else 0,
            currency=currency,
            reported_at=happened_at(row) or clock.now(),
            event_type=f"chargebacktransition.{state.lower()}",
        )
    )
    return HANDLED


def _amount(row: dict[str, Any], currency: str) -> int:
    try:
        return read_minor(row.get("amount", 0), currency, "amount")
    except AmountError:
        return 0


def _object(row: dict[str, Any], name: str) -> dict[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}
