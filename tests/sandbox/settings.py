"""How one sandbox is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarqetaSettings:
    """The Marqeta program: who may call it, where it asks for decisions and where it reports; the words open a test."""

    application_token: str = "sandbox_application_token"
    admin_access_token: str = "sandbox_admin_access_token"
    # Without a URL there is no gateway source, or no webhook, until the API makes one.
    gateway_url: str | None = None
    gateway_username: str = "sandbox_gateway"
    gateway_password: str = "Sandbox-Gateway-Password-1"
    gateway_headers: Mapping[str, str] = field(default_factory=dict)
    gateway_timeout_ms: int = 2000
    webhook_url: str | None = None
    webhook_username: str = "sandbox_webhook"
    webhook_password: str = "Sandbox-Webhook-Password-1"
    webhook_secret: str = "Sandbox-Webhook-Secret-1"
    signature_algorithm: str = "HMAC_SHA_1"
    # What the webhook that is there from the start listens to.
    webhook_events: tuple[str, ...] = ("*",)
    # How long a webhook waits for others of its kind to go with it.
    batch_after_s: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The account as its owner configured it; seconds where a name ends in `_s`."""

    api_key: str
    webhook_secret: str
    webhook_url: str | None
    # Ordinary events may have an endpoint of their own; without one they go where decisions are asked.
    events_url: str | None = None
    # They go only to the endpoints that the API makes.
    events_by_api: bool = False
    # What an endpoint that the API makes signs with; without one each has a secret of its own.
    endpoint_secret: str | None = None
    world: Path = FIXTURES / "demo_world.json"
    categories: Path = FIXTURES / "mcc_codes.csv"
    # The issuer's own limit for an answer; what happens past it is the account's choice.
    decision_timeout_s: float = 2.0
    approve_on_timeout: bool = False
    event_timeout_s: float = 10.0
    retry_delays_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    # Stripe keeps events for 30 days; a sandbox keeps the last so many, and at least so many requests and deliveries.
    events_kept: int = 20_000
    # What a charge costs: the sandbox's own word, near what Stripe asks in the US; smallest units, account's currency.
    charge_fee_share: Decimal = Decimal("0.029")
    charge_fee_minor: int = 30
    # What the account settles in, lower case; without one each charge stays in its own currency.
    settlement_currency: str | None = None
    # Whether the world's Issuing balance came by a top-up that the account lists, as a real one's did.
    opening_top_up: bool = False
    # Where it keeps what it knows when it is told to, and finds it again at its start.
    memory: Path | None = None
    api_version: str = "2026-10-28.endive"
    marqeta: MarqetaSettings = field(default_factory=MarqetaSettings)
