"""A sandbox as the issuer that must know where to call us."""

from typing import Any

from pytest_django.fixtures import Settings

from tests.issuing.issuers.worlds import marqeta_settings
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings
from tests.sandbox.stripe.webhook_endpoints import KIND

# Nobody listens there, so a look at our own address costs no time and asks nobody outside.
ADDRESS = "https://127.0.0.1:9"
PROGRAM = MarqetaSettings()
Json = dict[str, Any]


def point_to(served: RunningSandbox, settings: Settings) -> None:
    """Makes the settings those of a product whose issuers are this sandbox, with passwords of its own."""
    settings.STRIPE_API_BASE, settings.STRIPE_API_KEY = served.url, served.sandbox.settings.api_key
    for name, value in marqeta_settings(served, PROGRAM).items():
        setattr(settings, name, value)
    settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD = "our_gateway", "Our-Gateway-Password-2"
    settings.MARQETA_WEBHOOK_USERNAME, settings.MARQETA_WEBHOOK_PASSWORD = "our_webhook", "Our-Webhook-Password-3"
    settings.MARQETA_WEBHOOK_SECRET = "Our-Webhook-Secret-44"
    settings.PUBLIC_URL = ADDRESS
    settings.ISSUER_BACKUP_PROVIDER = ""


def put_endpoint(sandbox: RunningSandbox, endpoint: Json) -> Json:
    """Puts an endpoint into the account as if somebody had made it in the dashboard."""
    with sandbox.state.lock:
        sandbox.state.endpoint_secrets[endpoint["id"]] = "whsec_of_before"
        return sandbox.state.add(endpoint)


def endpoints(sandbox: RunningSandbox) -> list[Json]:
    return list(sandbox.state.objects[KIND].values())
