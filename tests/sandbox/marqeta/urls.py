"""Every address of Marqeta's API that the sandbox answers, on one screen; the second simulations list their own."""

from collections.abc import Mapping

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from tests.sandbox.marqeta import (
    card_products,
    card_transitions,
    cards,
    chargebacks,
    gateway_sources,
    kyc,
    other_money,
    ping,
    reserve,
    simulate,
    simulations,
    transactions,
    user_transitions,
    users,
    velocity_controls,
    webhooks,
)
from tests.sandbox.marqeta.command import Endpoint
from tests.sandbox.marqeta.errors import ApiError

PREFIX = "/v3/"
_SOURCES = "/v3/fundingsources/programgateway"

ENDPOINTS = (
    Endpoint("GET", "/v3/ping", ping.retrieve),
    Endpoint("GET", "/v3/programreserve/balances", reserve.retrieve),
    Endpoint("POST", "/v3/users", users.create, users.CREATE, 201),
    Endpoint("GET", "/v3/users", users.list_),
    Endpoint("GET", "/v3/users/<token>", users.retrieve),
    Endpoint("PUT", "/v3/users/<token>", users.update, users.UPDATE),
    Endpoint("POST", "/v3/users/auth/clientaccesstoken", cards.create_client_access_token, cards.CLIENT_ACCESS, 201),
    Endpoint("POST", "/v3/usertransitions", user_transitions.create, user_transitions.CREATE, 201),
    Endpoint("GET", "/v3/usertransitions/<token>", user_transitions.retrieve),
    Endpoint("GET", "/v3/usertransitions/user/<user_token>", user_transitions.list_of_user),
    Endpoint("POST", "/v3/kyc", kyc.create, kyc.CREATE, 201),
    Endpoint("GET", "/v3/kyc/<token>", kyc.retrieve),
    Endpoint("GET", "/v3/kyc/user/<user_token>", kyc.list_of_user),
    Endpoint("POST", "/v3/cardproducts", card_products.create, card_products.CREATE, 201),
    Endpoint("GET", "/v3/cardproducts", card_products.list_),
    Endpoint("GET", "/v3/cardproducts/<token>", card_products.retrieve),
    Endpoint("PUT", "/v3/cardproducts/<token>", card_products.update, card_products.UPDATE),
    Endpoint("POST", "/v3/cards", cards.create, cards.CREATE, 201),
    Endpoint("GET", "/v3/cards/<token>", cards.retrieve),
    Endpoint("PUT", "/v3/cards/<token>", cards.update, cards.UPDATE),
    Endpoint("GET", "/v3/cards/<token>/showpan", cards.show_pan),
    Endpoint("GET", "/v3/cards/user/<user_token>", cards.list_of_user),
    Endpoint("POST", "/v3/cardtransitions", card_transitions.create, card_transitions.CREATE, 201),
    Endpoint("GET", "/v3/cardtransitions/<token>", card_transitions.retrieve),
    Endpoint("GET", "/v3/cardtransitions/card/<card_token>", card_transitions.list_of_card),
    Endpoint("POST", "/v3/velocitycontrols", velocity_controls.create, velocity_controls.CREATE, 201),
    Endpoint("GET", "/v3/velocitycontrols", velocity_controls.list_),
    Endpoint("GET", "/v3/velocitycontrols/<token>", velocity_controls.retrieve),
    Endpoint("PUT", "/v3/velocitycontrols/<token>", velocity_controls.update, velocity_controls.UPDATE),
    Endpoint("GET", "/v3/velocitycontrols/user/<user_token>/available", velocity_controls.list_available),
    Endpoint("POST", _SOURCES, gateway_sources.create, gateway_sources.CREATE, 201),
    Endpoint("GET", f"{_SOURCES}/<token>", gateway_sources.retrieve),
    Endpoint("PUT", f"{_SOURCES}/<token>", gateway_sources.update, gateway_sources.UPDATE),
    Endpoint(
        "PUT", f"{_SOURCES}/customheaders/<token>", gateway_sources.update_headers, gateway_sources.UPDATE_HEADERS
    ),
    Endpoint("POST", "/v3/webhooks", webhooks.create, webhooks.CREATE, 201),
    Endpoint("GET", "/v3/webhooks", webhooks.list_),
    Endpoint("GET", "/v3/webhooks/<token>", webhooks.retrieve),
    Endpoint("PUT", "/v3/webhooks/<token>", webhooks.update, webhooks.UPDATE),
    Endpoint("POST", "/v3/webhooks/<token>/ping", webhooks.ping),
    Endpoint("POST", "/v3/webhooks/<token>/<event_type>/<event_token>", webhooks.resend),
    Endpoint("GET", "/v3/transactions", transactions.list_),
    Endpoint("GET", "/v3/transactions/<token>", transactions.retrieve),
    Endpoint("GET", "/v3/transactions/<token>/related", transactions.list_related),
    Endpoint("POST", "/v3/simulate/authorization", simulate.authorization, simulate.AUTHORIZATION, 201),
    Endpoint("POST", "/v3/simulate/authorization/advice", simulate.advice, simulate.ADVICE, 201),
    Endpoint("POST", "/v3/simulate/clearing", simulate.clearing, simulate.CLEARING, 201),
    Endpoint("POST", "/v3/simulate/reversal", simulate.reversal, simulate.REVERSAL, 201),
    Endpoint("POST", "/v3/simulate/financial", simulate.financial, simulate.AUTHORIZATION, 201),
    *simulations.ENDPOINTS,
    *chargebacks.ENDPOINTS,
    *other_money.ENDPOINTS,
)

_URLS = Map([Rule(row.path, methods=[row.method], endpoint=row) for row in ENDPOINTS], strict_slashes=False)
_MATCHER = _URLS.bind("sandbox")


def find_endpoint(method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
    """Find the row of an address and the tokens in it; raises a 404 ApiError, or a 405 for another method."""
    try:
        endpoint, place = _MATCHER.match(path, method=method)
    except MethodNotAllowed:
        raise ApiError(f"{path} knows no {method}.", status=405) from None
    except HTTPException:
        raise ApiError(f"There is no {path}.", status=404, detail=2) from None
    return endpoint, place
