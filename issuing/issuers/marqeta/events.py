"""Marqeta's JSON turned into frozen values, read defensively: unknown keys and unknown words of an enum will come.

Amounts are decimals of whole units (45 or 45.0 are forty-five dollars), and become minor units here, without a float
on the way. Nothing Marqeta-shaped passes inward from here.
"""

from decimal import Decimal
from typing import Any

from issuing.issuers import fingerprints
from issuing.issuers.marqeta import signals
from issuing.issuers.marqeta.answers import MarqetaAnswers
from issuing.issuers.marqeta.jit_methods import INCREMENT, is_cash
from issuing.issuers.marqeta.message_types import FIRST_MESSAGES, INCREMENTS
from issuing.issuers.merchants import category_of
from issuing.issuers.messages import AuthorizationRequest, Envelope, MalformedEventError, Merchant, body_id
from issuing.issuers.side_amounts import of_marqeta
from issuing.models import Provider
from onecard.kit import exact_json
from onecard.kit.countries import alpha_2
from onecard.kit.money import Money, MoneyError, currency_exponent
from onecard.kit.text import clean_text, free_text

ORDERS = ("gpa_order", "gpa_order_unload")
TOKEN_LIMIT = 64
# The root keys of batches. Marqeta sends card transitions under either of two keys.
KINDS = {
    "transactions": "transaction",
    "cardtransitions": "cardtransition",
    "cards": "cardtransition",
    "usertransitions": "usertransition",
    "chargebacktransitions": "chargebacktransition",
}

# The key of the round that asks first: all that is no increment is one round, under however many jit tokens it comes.
FIRST_ROUND = "first"
# What a row is about, who moved what, and how much.
SAID = (
    "token",
    "type",
    "state",
    "card_token",
    "user_token",
    "preceding_related_transaction_token",
    "amount",
    "currency_code",
    "is_final_clearing",
    "chargeback_token",
    "transaction_token",
)


class AmountError(MalformedEventError):
    """The amount cannot be money of its currency."""

    code = "invalid_amount"


def read_object(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a delivery, with exact decimals; raises MalformedEventError for anything else."""
    try:
        found = exact_json.loads(body)
    except ValueError:
        raise MalformedEventError("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise MalformedEventError("The body is JSON but not an object.")
    return found


def jit_funding(content: dict[str, Any]) -> dict[str, Any]:
    """Returns what the gateway wants funded, or {}; money that leaves an account has its order under another name."""
    for name in ORDERS:
        found = _object(_object(content, name), "jit_funding")
        if found:
            return found
    return {}


def gateway_envelope(content: dict[str, Any]) -> Envelope | None:
    """Returns a gateway request by its jit token, which is new for every question; None when it has no usable one."""
    jit = jit_funding(content)
    event_id, method = _token_or_empty(jit.get("token")), clean_text(jit.get("method"), limit=100)
    if not event_id:
        return None
    return Envelope(event_id, f"jit.{method}", purchase_token(content), content, says=_said(f"jit.{method}", content))


def parse_gateway_request(envelope: Envelope) -> AuthorizationRequest:
    """Returns the question of a gateway request; raises MalformedEventError when it cannot be decided on.

    What must be funded is `gpa_order.jit_funding.amount`, for an increment the additional amount only; an increment is
    a transaction of its own, whose preceding token is the purchase's (docs/issuers/marqeta.md, Gateway requests).
    """
    content = envelope.content
    order = _object(content, "gpa_order")
    jit = _object(order, "jit_funding")
    if not jit:
        raise MalformedEventError("gpa_order.jit_funding is missing, so no amount is asked for.")
    method = clean_text(jit.get("method"), limit=100)
    follows = method == INCREMENT or clean_text(content.get("type"), limit=80) in INCREMENTS
    named = content.get("preceding_related_transaction_token") if follows else content.get("token")
    user = _token(jit.get("user_token"), "jit_funding.user_token")
    people = tuple(dict.fromkeys(filter(None, (user, _token_or_empty(content.get("user_token"))))))
    currency = read_currency(order.get("currency_code") or content.get("currency_code"))
    purchase, card = _token(named, "the purchase's token"), _token(content.get("card_token"), "card_token")
    amount = read_minor(jit.get("amount"), currency, "jit_funding.amount")
    merchant, beside = read_merchant(content, needs_mcc=True), of_marqeta(content, currency)
    merchant_said = [merchant.mcc, merchant.network_id]
    round_key = _round_key(_token_or_empty(content.get("token")) or envelope.id) if follows else FIRST_ROUND
    earlier = jit.get("incremental_authorization_jit_funding_tokens")
    return AuthorizationRequest(
        provider=Provider.MARQETA,
        event_id=envelope.id,
        event_type=envelope.type,
        authorization_id=purchase,
        issuer_card_id=card,
        amount_minor=amount,
        currency=currency,
        merchant=merchant,
        round_key=round_key,
        answers=MarqetaAnswers.to(jit),
        is_cash=is_cash(method, content),
        signals=signals.of_marqeta(content, jit),
        beside=beside,
        fingerprint=fingerprints.of(
            [method, purchase, card, round_key, amount, currency, *merchant_said, beside.cash_minor, people]
        ),
        follows=follows,
        cardholders=people,
        # Marqeta does not state the amount approved before. It names the rounds; only we may know their amounts.
        approved_before_minor=None if follows else 0,
        earlier_events=_tokens(earlier),
        earlier_rounds=tuple(map(_round_key, _tokens(content.get("incremental_authorization_transaction_tokens")))),
    )


def _round_key(token: str) -> str:
    """Returns the key of the round.

    An increment is a transaction of its own, so its token names it, not the jit token.
    """
    return f"increment:{token}"


def _tokens(value: object) -> tuple[str, ...]:
    found = {_token_or_empty(each) for each in value} if isinstance(value, list) else set()
    return tuple(sorted(found - {""}))


def _said(kind: str, row: dict[str, Any]) -> list[Any]:
    """Returns the fields that must be equal in two messages with one id.

    A message that is sent again may have more fields.
    """
    orders = [_object(row, name) for name in ORDERS]
    facts = [row.get(name) for name in SAID] + [order.get("amount") for order in orders]
    return [kind, jit_funding(row).get("token"), *map(fingerprints.number, facts)]


def purchase_token(content: dict[str, Any]) -> str:
    """Returns the purchase that a message belongs to: the one it follows, or itself; "" when it names neither."""
    jit_method, kind = jit_funding(content).get("method"), clean_text(content.get("type"), limit=80)
    if jit_method == INCREMENT or kind not in FIRST_MESSAGES:
        found = _token_or_empty(content.get("preceding_related_transaction_token"))
        if found:
            return found
    return _token_or_empty(content.get("token"))


def read_minor(value: object, currency: str, name: str) -> int:
    """Returns an amount in minor units.

    A number in any notation of JSON, or one as text. Raises AmountError for the rest.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise AmountError(f"{name} is not a number.")
    try:
        minor = Money.read(value, currency).minor
    except MoneyError:
        raise AmountError(f"{name} is no amount of {currency}.") from None
    if minor < 0:
        raise AmountError(f"{name} is negative.")
    return minor


def read_currency(value: object) -> str:
    """Returns an ISO 4217 code; raises MalformedEventError for anything else."""
    currency = clean_text(value, limit=10).upper()
    try:
        currency_exponent(currency)
    except MoneyError as error:
        raise MalformedEventError(f"currency_code: {error.message}.") from None
    return currency


def read_merchant(content: dict[str, Any], *, needs_mcc: bool) -> Merchant:
    """`card_acceptor`, under the names of both versions of the message."""
    data = _object(content, "card_acceptor")
    mcc = clean_text(data.get("mcc"), limit=10)
    if not (len(mcc) == 4 and mcc.isascii() and mcc.isdecimal()):
        if needs_mcc:
            raise MalformedEventError("card_acceptor.mcc is not a four-digit MCC.")
        mcc = ""
    return Merchant(
        mcc=mcc,
        name=free_text(data.get("name"), limit=120),
        category=category_of(mcc),
        city=free_text(data.get("city"), limit=80),
        # Marqeta writes countries in three letters.
        country=alpha_2(clean_text(data.get("country_code") or data.get("country"), limit=3)),
        network_id=clean_text(data.get("mid"), limit=64),
        state=free_text(data.get("state"), limit=40),
        postal_code=free_text(data.get("postal_code"), limit=20),
    )


def _object(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _token(value: object, name: str) -> str:
    found = _token_or_empty(value)
    if not found:
        raise MalformedEventError(f"{name} is missing or no token.")
    return found


def _token_or_empty(value: object) -> str:
    """Returns a token as it came. It is compared and echoed, so one that cannot be stored as it is gives ""."""
    return value if isinstance(value, str) and clean_text(value, limit=TOKEN_LIMIT) == value else ""


def row_envelope(key: str, row: object, row_body: bytes) -> Envelope | None:
    """Returns a row of a batch as an event of its own, by kind, token and state (a state is all that changes in a row).

    A row without a token goes by its bytes; None when it is no object at all.
    """
    if not isinstance(row, dict):
        return None
    kind = KINDS.get(key) or free_text(key, limit=30) or "unknown"
    token, state = _token_or_empty(row.get("token")), free_text(row.get("state"), limit=20)
    event_id = f"{kind}:{token}:{state}" if token else f"{kind}:{body_id(row_body)}"
    if kind == "transaction":
        about = purchase_token(row)
    elif kind == "chargebacktransition":
        about = _token_or_empty(row.get("chargeback_token"))
    else:
        about = _token_or_empty(row.get("user_token" if kind == "usertransition" else "card_token"))
    kind = f"{kind}.{clean_text(row.get('type'), limit=80)}"
    return Envelope(event_id, kind, about, row, says=_said(kind, row))
