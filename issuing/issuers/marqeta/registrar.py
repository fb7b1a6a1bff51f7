"""The calls about our webhook, gateway source and card product; registration.py says what they must be."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from issuing.issuers import errors
from issuing.issuers.base import RefusedError
from issuing.issuers.marqeta import objects as shapes
from issuing.issuers.marqeta import registration
from issuing.issuers.marqeta.http import Json, MarqetaHttp
from issuing.issuers.marqeta.registration import Credentials
from issuing.issuers.registration import Doors, Registration, Repair, Repaired

PATHS: Final = {"webhook": "webhooks", "gateway": "fundingsources/programgateway", "product": "cardproducts"}


def read(http: MarqetaHttp, doors: Doors, *, product_token: str, renew: bool) -> Registration:
    """Asks for the webhooks, the product, and the gateway source that the product names."""
    product = _found(http, "product", product_token)
    source = _found(http, "gateway", registration.source_token_of(product))
    return registration.compare(
        list(_webhooks(http)), source, product, doors, _credentials(), product_token=product_token, renew=renew
    )


@sensitive_variables("repair", "body")
def repair(http: MarqetaHttp, repair: Repair) -> Repaired:
    """Makes or changes one thing.

    Raises RefusedError: with its code for a reused key where somebody made the thing a moment ago with other values.
    """
    path, body = PATHS[repair.code.partition("_")[0]], dict(repair.body)
    if repair.target:
        http.call("PUT", f"{path}/{quote(repair.target, safe='')}", body=body)
        return Repaired(repair.target)
    return Repaired(shapes.read_token(http.call("POST", path, body=body)))


def _found(http: MarqetaHttp, part: str, token: str) -> Json | None:
    try:
        return http.call("GET", f"{PATHS[part]}/{quote(token, safe='')}")
    except RefusedError as error:
        if error.code == errors.unknown().code:
            return None
        raise


def _webhooks(http: MarqetaHttp) -> Iterator[Json]:
    start, is_more = 0, True
    while is_more:
        rows, is_more = shapes.read_rows(http.call("GET", "webhooks", query=_page(start)))
        yield from rows
        start, is_more = start + len(rows), is_more and bool(rows)


def _page(start: int) -> dict[str, str]:
    return {"sort_by": "createdTime", "count": "100", "start_index": str(start)}


def _credentials() -> Credentials:
    """Raises UnusableIssuerError where one that Marqeta must bring is not set."""
    return Credentials(
        gateway_username=_needed("MARQETA_JIT_USERNAME"),
        gateway_password=_needed("MARQETA_JIT_PASSWORD"),
        webhook_username=_needed("MARQETA_WEBHOOK_USERNAME"),
        webhook_password=_needed("MARQETA_WEBHOOK_PASSWORD"),
        secret=settings.MARQETA_WEBHOOK_SECRET,
    )


def _needed(name: str) -> Any:
    value = getattr(settings, name, "")
    if not value:
        raise errors.UnusableIssuerError(f"{name} is not set, so Marqeta cannot be told what to bring to our doors.")
    return value
