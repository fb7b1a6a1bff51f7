"""Card products: how the cards made from them behave, and which gateway decides about them."""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import anything, flag, group, required, text, token
from tests.sandbox.marqeta.lookup import addressed, create_once, page, referenced
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import State
from tests.sandbox.marqeta.things import new_card_product
from tests.sandbox.wire import Json, copy_of

_GATEWAY = group(
    enabled=flag(),
    funding_source_token=token(),
    refunds_destination=text(),
    always_fund=flag(),
)
_CONFIG = group(
    poi=group(ecommerce=flag(), atm=flag(), other=anything()),
    fulfillment=group(payment_instrument=text(), shipping=anything(), card_personalization=anything()),
    card_life_cycle=group(
        activate_upon_issue=flag(),
        expiration_offset=anything(),
        card_service_code=anything(),
        reloadability=anything(),
        update_expiration_upon_activation=flag(),
    ),
    transaction_controls=group(
        accepted_countries_token=text(),
        enable_partial_auth_approval=flag(),
        allow_quasi_cash=flag(),
        require_card_not_present_card_security_code=flag(),
        ignore_card_suspended_state=flag(),
        **dict.fromkeys(
            ("address_verification", "allow_gpa_auth", "allow_mcc_group_authorization_controls"), anything()
        ),
        **dict.fromkeys(
            ("allow_network_load", "always_require_icc", "always_require_pin", "notification_language"), anything()
        ),
    ),
    jit_funding=group(
        programgateway_funding_source=_GATEWAY, program_funding_source=anything(), paymentcard_funding_source=anything()
    ),
    digital_wallet_tokenization=anything(),
    selective_auth=anything(),
    special=anything(),
    clearing_and_settlement=anything(),
)
CREATE = {
    "token": token(),
    "name": required(text(least=1, most=40)),
    "start_date": required(text(least=10, most=10)),
    "end_date": text(least=10, most=10),
    "active": flag(),
    "config": _CONFIG,
}

UPDATE = {
    "name": text(most=40),
    "start_date": text(least=10, most=10),
    "end_date": text(least=10, most=10),
    "active": flag(),
    "config": _CONFIG,
}


def create(program: Program, command: Command) -> Json:
    """Add a card product; a gateway source that it names must exist."""
    state = program.state
    with state.lock:
        product, _ = create_once(state, "cardproduct", command.body, lambda token: _new(state, token, command.body))
        return copy_of(product)


def retrieve(program: Program, command: Command) -> Json:
    """Show a card product."""
    with program.state.lock:
        return copy_of(addressed(program.state, "cardproduct", command.token))


def update(program: Program, command: Command) -> Json:
    """Replace what is given; a gateway source that it names must exist, and one that is enabled must be named."""
    state = program.state
    with state.lock:
        product = addressed(state, "cardproduct", command.token)
        changed = new_card_product(command.token, {**product, **copy_of(command.body)})
        _check_gateway(state, changed)
        product.update(changed)
        state.touch("cardproduct", product)
        return copy_of(product)


def list_(program: Program, command: Command) -> Json:
    """Show one page of card products."""
    with program.state.lock:
        return page(program.state, command, "cardproduct", show=copy_of)


def _new(state: State, token: str, body: Json) -> Json:
    product = new_card_product(token, body)
    _check_gateway(state, product)
    return product


def _check_gateway(state: State, product: Json) -> None:
    gateway = product["config"].get("jit_funding", {}).get("programgateway_funding_source", {})
    source = gateway.get("funding_source_token")
    if gateway.get("enabled") and not source:
        raise ApiError("funding_source_token is required where the gateway is enabled.", detail=18)
    if gateway.get("refunds_destination", "GATEWAY") not in ("GATEWAY", "GPA", "WATERFALL"):
        raise ApiError("refunds_destination must be one of GATEWAY, GPA, WATERFALL.", detail=18)
    if source:
        referenced(state, "gatewaysource", source)
