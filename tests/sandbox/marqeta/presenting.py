"""What a simulation brings: the card, the merchant and the terminal, in the words of either version of the API."""

from tests.sandbox.marqeta.authorizations import Presented
from tests.sandbox.marqeta.batches import Target
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import Field, Spec, amount, anything, flag, group, required, text, token, words
from tests.sandbox.marqeta.lookup import referenced
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import Chain
from tests.sandbox.wire import Json

_OTHER_NAMES = {"zip": "postal_code", "country": "country_code", "address": "street_address"}
_COUNTRIES = {"US": "USA", "840": "USA"}
_MERCHANT: Json = {
    "mid": "123456890",
    "mcc": "5814",
    "name": "Corner Coffee",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94612",
    "country_code": "USA",
}
_POS: Json = {
    "pan_entry_mode": "CARD_ON_FILE",
    "card_presence": False,
    "card_holder_presence": False,
    "is_recurring": False,
    "is_installment": False,
    "partial_approval_capable": False,
    "terminal_id": "TR100000",
    "terminal_attendance": "UNATTENDED",
    "transaction_initiated_by": "CONSUMER",
    "country_code": "840",
}
_SHOWN_AS_GIVEN = (
    "account_funding",
    "acquirer_fee_amount",
    "cardholder_authentication_data",
    "card_security_code_verification",
    "currency_conversion",
    "digital_wallet_token",
    "digital_wallet_token_token",
    "fraud",
    "original_credit",
    "transaction_metadata",
)

ACCEPTOR: dict[str, Field] = {
    **dict.fromkeys(("name", "city", "state", "zip", "postal_code", "country", "country_code"), text(most=50)),
    **dict.fromkeys(("address", "street_address", "phone", "url", "legal_business_name"), text()),
    **dict.fromkeys(("network_mid", "network_assigned_id", "payment_facilitator_name"), text()),
    "mid": text(least=1, most=50),
    "mcc": text(least=4, most=4),
    "partial_approval_capable": flag(),
}
WEBHOOK: Spec = {
    "webhook": group(
        endpoint=required(text(least=1, most=512)),
        username=required(text()),
        password=required(text()),
        secret=text(),
    ),
}
FIRST: Spec = {
    **WEBHOOK,
    "card_token": required(token()),
    "amount": required(amount()),
    "card_acceptor": group(**ACCEPTOR),
    "card_options": group(
        cvv=text(most=3), expiration=text(least=4, most=4), billing_address=anything(), card_present=flag()
    ),
    "is_pre_auth": flag(),
    "cash_back_amount": amount(),
    # A word of the sandbox: the network approves this much of what the gateway approved.
    "approved_in_part": amount(),
    "network": words("VISA", "MASTERCARD", "PULSE", "DISCOVER"),
    "pos": anything(),
    **dict.fromkeys((*_SHOWN_AS_GIVEN, "network_fees", "network_metadata", "transaction_options", "pin"), anything()),
}


def present(program: Program, body: Json, *, kind: str = "authorization") -> Presented:
    """Read a first message; raises ApiError for a card that nobody has."""
    with program.state.lock:
        referenced(program.state, "card", body["card_token"])
    given, options = body.get("card_acceptor", {}), body.get("card_options", {})
    pos = {**_POS, **_object(body, "pos")}
    pos["partial_approval_capable"] |= given.get("partial_approval_capable", False)
    if options.get("card_present"):
        pos.update(card_presence=True, card_holder_presence=True, pan_entry_mode="CHIP")
    more = {name: body[name] for name in (*_SHOWN_AS_GIVEN, "cash_back_amount") if name in body}
    return Presented(
        card_token=body["card_token"],
        amount=body["amount"],
        merchant=_merchant(given, body.get("mid")),
        pos=pos,
        network=body.get("network", "VISA"),
        kind=kind,
        options=options,
        granted=body.get("approved_in_part"),
        more={"is_preauthorization": True, **more} if body.get("is_pre_auth") else more,
        also=named_webhook(body),
    )


def present_again(body: Json, origin: Json) -> Presented:
    """Repeat the card and the merchant of an earlier transaction, for a message that shall not name it."""
    return Presented(
        card_token=origin["card_token"],
        amount=body["amount"],
        merchant=origin["card_acceptor"],
        pos=origin["pos"],
        network=origin["network"],
        also=named_webhook(body),
    )


def chain_behind(program: Program, transaction_token: str) -> Chain:
    """Find the authorization that a later message is about; raises ApiError when none was approved."""
    with program.state.lock:
        chain = program.state.chain_of.get(transaction_token)
    if chain is None:
        raise ApiError(f"No approved authorization has the token {transaction_token}.", detail=12)
    return chain


def origin_of(program: Program, transaction_token: str) -> Json:
    """Find a merchant message, approved or not; raises ApiError."""
    with program.state.lock:
        thing = program.state.transactions.get(transaction_token)
    if thing is None or "card_acceptor" not in thing:
        raise ApiError(f"No transaction has the token {transaction_token}.", detail=12)
    return thing


def named_webhook(body: Json) -> Target | None:
    """Read the endpoint that a call names for its own events."""
    given = body.get("webhook")
    return Target(given["endpoint"], given["username"], given["password"], given.get("secret")) if given else None


def _merchant(given: Json, mid: str | None) -> Json:
    renamed = {_OTHER_NAMES.get(name, name): value for name, value in given.items()}
    renamed.pop("partial_approval_capable", None)
    merchant = {**_MERCHANT, **({"mid": mid} if mid else {}), **renamed}
    merchant["country_code"] = _COUNTRIES.get(merchant["country_code"], merchant["country_code"])
    return merchant


def _object(body: Json, name: str) -> Json:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise ApiError(f"{name} must be an object.", detail=11)
    return value
