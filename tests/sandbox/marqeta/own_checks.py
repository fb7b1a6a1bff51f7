"""What Marqeta checks before it asks anybody; a message that fails is declined and only reported."""

from dataclasses import dataclass
from decimal import Decimal

from tests.sandbox.marqeta.state import State, utc_now
from tests.sandbox.marqeta.velocity import Spending, exceeded
from tests.sandbox.wire import Json

_OUR_COUNTRY = ("USA", "US", "840")
_US_ONLY = "accept_us_only"
# The two codes for velocity controls are a guess.
_LIMITS = {"amount_limit": ("1834", "Exceeds amount limit"), "usage_limit": ("1835", "Exceeds usage limit")}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is declined without asking; `about` names the control that forbade it."""

    code: str
    memo: str
    about: str | None = None


def own_refusal(
    state: State, spending: Spending, *, extra: Decimal, total: Decimal, uses: int, country: str, presented: Json
) -> Refusal | None:
    """Name the reason why this much more is declined; None when there is none."""
    card = spending.card
    product = state.things["cardproduct"][card["card_product_token"]]
    refusal = _card_refusal(card, product) or _presented_refusal(state, card, presented)
    if refusal:
        return refusal
    if state.things["user"][card["user_token"]]["status"] != "ACTIVE":
        return Refusal("1813", "Cardholder not active")
    controls = product["config"]["transaction_controls"]
    if controls["accepted_countries_token"] == _US_ONLY and country not in _OUR_COUNTRY:
        return Refusal("1864", "Transactions not allowed from this country")
    broken = exceeded(state, spending, extra=extra, total=total, uses=uses)
    return Refusal(*_LIMITS[broken[1]], broken[0].get("name")) if broken else None


def _card_refusal(card: Json, product: Json) -> Refusal | None:
    suspended_is_fine = product["config"]["transaction_controls"]["ignore_card_suspended_state"]
    if card["state"] == "SUSPENDED" and not suspended_is_fine:
        return Refusal("1003", "Card suspended")
    if card["state"] not in ("ACTIVE", "SUSPENDED"):
        return Refusal("1806", "Card not active")
    if card["expiration_time"] < f"{utc_now():%Y-%m-%dT%H:%M:%SZ}":
        return Refusal("1001", "Card expired")
    return None


def _presented_refusal(state: State, card: Json, presented: Json) -> Refusal | None:
    wrong_expiration = presented.get("expiration") not in (None, card["expiration"])
    wrong_code = presented.get("cvv") not in (None, state.card_secrets[card["token"]][1])
    return Refusal("1002", "Card suspicious") if wrong_expiration or wrong_code else None
