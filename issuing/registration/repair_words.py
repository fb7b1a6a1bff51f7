"""What connect_issuer says of its repairs, and what no API can do, so that a person must."""

from typing import Final

from issuing.issuers.registration import Repair
from issuing.models import Provider

# After "would" or "did".
DEEDS: Final = {
    "endpoint_created": "make an endpoint for {url}{made}",
    "endpoint_updated": "put endpoint {id} right",
    "endpoint_switched_off": "disable endpoint {id}; delete it in the dashboard when nobody needs it",
    "webhook_created": "make a webhook for {url}{made}",
    "webhook_updated": "put webhook {id} right; Marqeta keeps an old address for up to an hour",
    "webhook_renewed": "give webhook {id} our user name, password and secret",
    "gateway_created": "make a gateway source that asks {url}{made}",
    "gateway_updated": "put gateway source {id} right, with our user name and password",
    "gateway_renewed": "give gateway source {id} our user name and password",
    "product_updated": "have card product {id} ask our gateway",
}
BY_HAND: Final[dict[str, str]] = {
    Provider.STRIPE: (
        "The endpoint that is asked for each purchase (issuing_authorization.request) is set in the dashboard, under "
        "Issuing settings; the API neither shows nor sets it. Give it the same address, set its time-out to decline, "
        "and put its secret into STRIPE_WEBHOOK_SECRETS. On the health page, “Decisions asked for” says when it asked."
    ),
    Provider.MARQETA: (
        "Marqeta shows no password, so whether it brings ours is seen when it calls: on the health page, “Signature "
        "verification” counts what was refused. After a change of a password or secret, run this with --renew."
    ),
}


def deed(repair: Repair, *, name: str = "") -> str:
    """Returns what a repair does, without anything secret; `name` is the id of what it made."""
    made = f": {name}" if name and not repair.target else ""
    return DEEDS[repair.code].format(**repair.values, made=made)


def sentence_about_secret() -> str:
    return (
        "Add it to STRIPE_WEBHOOK_SECRETS, which is a comma list, and restart the servers: until then this endpoint's "
        "events are refused, and Stripe sends them again for three days. It is not kept here, and shown again only on "
        "the endpoint's page in the dashboard."
    )
