"""The decision's path under measurement: real HTTP to a web server of its own, on a database of its own.

Speed is only compared, never judged: each figure stands beside two references of the same run on the same machine.
The floor of HTTP is a request that does nothing; the floor of PostgreSQL is the decision's own two statements, sent
from this process without a web server.
"""

import http.client
import json
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections
from stripe import WebhookSignature

from issuing.authorizations import decision_store
from issuing.authorizations.proposal import propose
from issuing.issuers.stripe.events import parse_authorization_request, parse_envelope
from issuing.models import VirtualCard
from onecard.kit.clock import Stopwatch
from onecard.kit.money import MAX_AMOUNT_MINOR
from onecard.users.models import User
from routing.models import RankingRow
from wallet.models import Cardholder, FundingMethod, Network

MCC = "5812"
LIVE = "/health/live"
WEBHOOK = "/stripe-webhook"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run: how many a second, and the milliseconds that half and 99 % of them stayed within."""

    name: str
    rate: float
    p50_ms: float
    p99_ms: float


def make_cards(count: int) -> list[str]:
    """Cards with a wallet of four methods each and limits that no run reaches; gives the issuer's ids."""
    rates = {Network.AMEX: 4, Network.MASTERCARD: 3, Network.VISA: 1, Network.DISCOVER: 1}
    RankingRow.objects.bulk_create(
        RankingRow(mcc=MCC, scope="network", network=network, reward_rate=Decimal(rate), reward_type="points")
        for network, rate in rates.items()
    )
    return [_make_card(number, list(rates)) for number in range(count)]


def _make_card(number: int, networks: list[Network]) -> str:
    user = User.objects.create(username=f"bench-{number}")
    holder = Cardholder.objects.create(
        user=user, name=f"Bench {number}", kyc_status="verified", processor_customer_id=f"cus_bench_{number}"
    )
    for position, network in enumerate(networks):
        FundingMethod.objects.create(
            cardholder=holder,
            name=str(network.label),
            network=network,
            last_four="0000",
            expiry_month=12,
            expiry_year=2090,
            processor_method_id=f"pm_bench_{number}_{position}",
            position=position,
            is_backup=position == 1,
        )
    card = VirtualCard.objects.create(
        cardholder=holder,
        card_type="visa",
        issuer_provider="stripe",
        issuer_card_id=f"ic_bench_{number}",
        last_four="0000",
        expiry_month=12,
        expiry_year=2090,
        status="active",
        daily_limit_minor=MAX_AMOUNT_MINOR,
        monthly_limit_minor=MAX_AMOUNT_MINOR,
        per_transaction_limit_minor=MAX_AMOUNT_MINOR,
    )
    return card.issuer_card_id


def requests(cards: list[str], count: int) -> Iterator[bytes]:
    """Bodies of authorization requests, the cards in turn."""
    for number in range(count):
        content = {
            "id": f"iauth_{uuid.uuid4().hex}",
            "amount": 0,
            "currency": "usd",
            "card": {"id": cards[number % len(cards)]},
            "merchant_data": {"category_code": MCC, "name": "Bench", "network_id": "1"},
            "pending_request": {"amount": 100, "currency": "usd"},
            "request_history": [],
        }
        event = {"id": f"evt_{uuid.uuid4().hex}", "type": "issuing_authorization.request", "data": {"object": content}}
        yield json.dumps(event).encode()


def measure_decisions(web_url: str, cards: list[str], *, count: int, clients: int) -> Figures:
    """Signed requests over kept connections; raises AssertionError if one is not approved."""
    secret = settings.STRIPE_WEBHOOK_SECRETS[0]
    bodies = list(requests(cards, count))

    def act(client: http.client.HTTPConnection, number: int) -> None:
        body = bodies[number]
        # Signed as it is sent: an old signature is declined.
        signature = WebhookSignature.generate_signature_header(body.decode(), secret)
        client.request("POST", WEBHOOK, body, {"Stripe-Signature": signature, "Content-Type": "application/json"})
        answer = client.getresponse().read()
        assert b'"approved": true' in answer, answer

    return _measure_http("decision over HTTP", web_url, act, count=count, clients=clients)


def measure_http_floor(web_url: str, *, count: int, clients: int) -> Figures:
    """A request that does nothing, through the same server and middleware."""

    def act(client: http.client.HTTPConnection, _number: int) -> None:
        client.request("GET", LIVE)
        client.getresponse().read()

    return _measure_http("nothing over HTTP", web_url, act, count=count, clients=clients)


def measure_database_floor(cards: list[str], *, count: int, clients: int) -> Figures:
    """The decision's two statements and its choice, without a web server: what PostgreSQL and the commit cost."""
    bodies = list(requests(cards, count))

    def act(number: int) -> None:
        body = bodies[number]
        asked = parse_authorization_request("stripe", parse_envelope(body))
        seen = decision_store.read(asked, remaining_ms=60_000)
        proposal = propose(asked, seen, decision_id=uuid.uuid4(), watch=Stopwatch())
        outcome = decision_store.record(proposal | {"remaining_ms": 60_000}, body, remaining_ms=60_000)
        assert outcome.kind == "recorded", outcome

    return _measure("two statements, no HTTP", act, count=count, clients=clients, leave=connections.close_all)


def _measure_http(
    name: str, web_url: str, act: Callable[[http.client.HTTPConnection, int], None], *, count: int, clients: int
) -> Figures:
    local = threading.local()
    place = urlsplit(web_url).netloc

    def on_kept_connection(number: int) -> None:
        if not hasattr(local, "client"):
            local.client = http.client.HTTPConnection(place)
        act(local.client, number)

    return _measure(name, on_kept_connection, count=count, clients=clients, leave=lambda: _close(local))


def _close(local: threading.local) -> None:
    client: http.client.HTTPConnection = local.client
    client.close()


def _measure(name: str, act: Callable[[int], None], *, count: int, clients: int, leave: Callable[[], None]) -> Figures:
    """Runs `act` for each number, spread over the clients; each client leaves by itself at the end."""

    def client(first: int) -> list[float]:
        durations_ms = []
        for number in range(first, count, clients):
            started = time.perf_counter()
            act(number)
            durations_ms.append((time.perf_counter() - started) * 1000)
        leave()
        return durations_ms

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        durations_ms = [duration for each in pool.map(client, range(clients)) for duration in each]
    rate = count / (time.perf_counter() - started)
    percentiles = statistics.quantiles(durations_ms, n=100)
    return Figures(name, rate, percentiles[49], percentiles[98])
