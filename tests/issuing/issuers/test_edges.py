"""What the issuers' modules do at their edges: names, numbers, headers, reveal grants, stand-in messages."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import override_settings

from issuing.issuers import errors
from issuing.issuers.base import CardOrder, Limits, NetworkError, RefusedError
from issuing.issuers.marqeta import objects as marqeta_objects
from issuing.issuers.stripe import objects as stripe_objects
from issuing.issuers.stripe.client import StripeIssuer
from issuing.issuers.transaction_kinds import Kind
from onecard.kit import clock, exact_json
from tests.issuing.issuers.worlds import ADA, LIMITS, LONG_AGO, new_key, order_for, world_of
from tests.sandbox.running import RunningSandbox


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Zoë-Ann  O'Neil 3rd ", "Zoë-Ann O'Neil rd"),
        ("Robert'); DROP TABLE", "Robert' DROP TABLE"),
        ("Wolfeschlegelsteinhausenbergerdorff", "Wolfeschlegelsteinhausen"),
        ("12345", ""),
        ("-_-", ""),
    ],
)
def test_stripe_gets_a_name_that_it_takes(name: str, cleaned: str) -> None:
    assert stripe_objects.clean_name(name) == cleaned


def test_a_person_without_letters_is_refused_before_any_call() -> None:
    nobody = type(ADA)("1", "2", "x@example.com", ADA.address)
    with pytest.raises(RefusedError, match="letters"):
        stripe_objects.cardholder_params(nobody, key="k")


def test_stripe_limits_of_an_unknown_shape_are_read_as_not_reported() -> None:
    rows = [{"amount": 1, "interval": "daily", "categories": []}]
    card = {"id": "ic_1", "brand": "Visa", "last4": "0005", "exp_month": 1, "exp_year": 2030, "currency": "usd"}
    read = stripe_objects.read_card({**card, "status": "active", "spending_controls": {"spending_limits": rows}})
    assert read.limits is None
    with pytest.raises(NetworkError):
        stripe_objects.read_card({**card, "status": "melted"})


def test_amounts_are_written_digit_by_digit_and_never_as_floats() -> None:
    bodies = marqeta_objects.control_bodies("u", Limits(1, 10, 999_999_999_999_999), currency="USD")
    amounts = [body["amount_limit"] for body in bodies]
    assert amounts == [Decimal("0.01"), Decimal("0.10"), Decimal("9999999999999.99")]
    assert all(len(body["token"]) <= marqeta_objects.LONGEST_TOKEN for body in bodies)
    assert '"amount_limit": 0.10' in exact_json.dumps(bodies[1])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), (None, None), ("", None), ("soon", None), ("-1", None), ("inf", None), ("nan", None)],
)
def test_retry_after_is_read_or_left_out(header: str | None, seconds: float | None) -> None:
    assert errors.seconds_of(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    in_a_minute = clock.now() + dt.timedelta(seconds=60)
    seconds = errors.seconds_of(f"{in_a_minute:%a, %d %b %Y %H:%M:%S} GMT")
    assert seconds is not None
    assert 55 < seconds <= 60


def test_marqeta_lists_holds_and_their_ends_once_and_in_our_words(sandbox: RunningSandbox) -> None:
    world = world_of("marqeta", sandbox)
    card = world.issuer.create_card(order_for(world.issuer), key=new_key())
    at = "2026-10-01T12:00:00Z"

    def row(kind: str, amount: str, **more: Any) -> dict[str, Any]:
        base = {"token": new_key(), "type": kind, "state": "COMPLETION", "card_token": card.issuer_card_id}
        return {**base, "amount": Decimal(amount), "currency_code": "USD", "user_transaction_time": at, **more}

    rows = [
        row("authorization", "45.0", state="PENDING"),
        row("gpa.credit.authorization", "45.0"),
        row("authorization.incremental", "5", preceding_related_transaction_token="first"),
        row("authorization.advice", "30", gpa_order={"amount": Decimal("20.00")}),
        row("authorization.reversal", "30.00"),
        row("authorization.clearing", "12.34", preceding_related_transaction_token="first"),
        row("refund", "12.34"),
        row("authorization", "9", state="DECLINED"),
        row("transit.offer", "1"),
        # Their money has not moved.
        row("authorization.clearing", "12.34", state="PENDING"),
        row("pindebit", "12.34", state="PENDING"),
        row("refund", "12.34", state="PENDING"),
    ]
    page = marqeta_objects.read_page({"data": rows, "is_more": True}, start=10)
    assert [(found.kind, found.amount_minor) for found in page.transactions] == [
        (Kind.AUTHORIZATION, 4500),
        (Kind.INCREMENT, 500),
        (Kind.RELEASE, -2000),
        (Kind.RELEASE, -3000),
        (Kind.CAPTURE, 1234),
        (Kind.REFUND, -1234),
        (Kind.DECLINED, 900),
        (Kind.OTHER, 100),
        (Kind.OTHER, 1234),
        (Kind.OTHER, 1234),
        (Kind.OTHER, 1234),
    ]
    assert (page.cursor, page.unread) == ("22", ())
    assert page.transactions[0].authorization_id == page.transactions[0].id
    assert page.transactions[4].authorization_id == "first"


def test_unreadable_marqeta_rows_are_named_when_they_may_be_money() -> None:
    def row(**changes: Any) -> dict[str, Any]:
        base = {"token": "t1", "type": "refund", "state": "COMPLETION", "card_token": "c1", "currency_code": "USD"}
        return {**base, "amount": Decimal("12.34"), "user_transaction_time": "2026-10-01T12:00:00Z", **changes}

    odd = [
        row(token="t2", amount=Decimal("1.234")),
        row(token="t3", user_transaction_time="yesterday"),
        row(token="t4", type=7),
        row(token="t5", type="authorization", state=None),
        row(token=None),
        # These move nothing, so nobody needs them.
        row(token="t6", type="authorization", currency_code="???"),
        row(token="t7", state="DECLINED", amount=None),
        row(token="t8", state="PENDING", amount=None),
        row(token="t9", type="gpa.credit", amount=None),
    ]
    page = marqeta_objects.read_page({"data": [*odd, row()], "is_more": False}, start=0)

    assert [found.id for found in page.transactions] == ["t1"]
    *tokens, nameless = page.unread
    assert tokens == ["t2", "t3", "t4", "t5"]
    assert nameless.startswith("row ")


def test_stripes_rows_that_cannot_be_read_are_named_and_the_list_goes_on() -> None:
    def row(**changes: Any) -> dict[str, Any]:
        base = {"id": "ipi_1", "type": "capture", "card": "ic_1", "currency": "usd", "amount": -4500}
        return {**base, "created": 1_790_000_000, **changes}

    odd = [row(id="ipi_2", amount="many"), row(id="ipi_3", created=10**20), row(id=None)]
    page = stripe_objects.read_page({"data": [*odd, row()], "has_more": True})

    assert ([found.id for found in page.transactions], page.cursor) == (["ipi_1"], "ipi_1")
    *names, nameless = page.unread
    assert (names, nameless[:4]) == (["ipi_2", "ipi_3"], "row ")
    with pytest.raises(NetworkError):
        stripe_objects.read_page({"data": [row(id=None)], "has_more": True})


@pytest.mark.parametrize(
    "listed", [{}, {"data": []}, {"data": None, "has_more": False}, {"data": [7], "has_more": True}]
)
def test_what_is_no_list_of_stripes_is_no_answer(listed: dict[str, Any]) -> None:
    with pytest.raises(NetworkError):
        stripe_objects.read_page(listed)


@pytest.mark.parametrize("listed", [{}, {"data": []}, {"data": None, "is_more": False}, {"data": [7], "is_more": True}])
def test_what_is_no_list_of_marqetas_is_no_answer(listed: dict[str, Any]) -> None:
    with pytest.raises(NetworkError):
        marqeta_objects.read_page(listed, start=0)


def test_two_cards_of_one_marqeta_user_share_its_controls(sandbox: RunningSandbox) -> None:
    world = world_of("marqeta", sandbox)
    order = order_for(world.issuer)
    first = world.issuer.create_card(order, key=new_key())
    other = CardOrder(order.issuer_cardholder_id, "visa", "USD", Limits(1, 2, 3))
    world.issuer.create_card(other, key=new_key())
    assert world.issuer.get_card_details(first.issuer_card_id).limits == Limits(1, 2, 3)
    with pytest.raises(RefusedError, match="USD"):
        world.issuer.create_card(CardOrder(order.issuer_cardholder_id, "visa", "EUR", LIMITS), key=new_key())


@pytest.mark.parametrize("provider", ["marqeta", "mock"])
def test_a_reveal_is_a_short_grant_that_no_repr_shows(sandbox: RunningSandbox, provider: str) -> None:
    world = world_of(provider, sandbox)
    card = world.issuer.create_card(order_for(world.issuer), key=new_key())
    grant = world.issuer.reveal(card.issuer_card_id, nonce="nonce_1")
    assert grant.secret
    assert grant.secret not in repr(grant)
    assert 0 < grant.expires_in_s <= 900
    with pytest.raises(RefusedError):
        world.issuer.reveal("nobody's", nonce="nonce_1")


@pytest.fixture
def key_server() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """The one address of Stripe that a reveal needs."""
    asked: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, form, self.headers["Stripe-Version"]))
            expires = int(clock.now().timestamp()) + 900
            body = {"id": "ephkey_1", "object": "ephemeral_key", "secret": "ek_test_1", "expires": expires}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_stripe_reveals_by_an_ephemeral_key(key_server: tuple[str, list[tuple[str, str, str]]]) -> None:
    url, asked = key_server
    with override_settings(STRIPE_API_BASE=url, STRIPE_API_VERSION="2024-06-20"):
        grant = StripeIssuer().reveal("ic_1", nonce="n_1")
    assert (grant.kind, grant.secret) == ("stripe_ephemeral_key", "ek_test_1")
    assert 890 <= grant.expires_in_s <= 900
    assert asked == [("/v1/ephemeral_keys", "issuing_card=ic_1&nonce=n_1", "2024-06-20")]


def test_history_of_long_ago_is_asked_for_by_its_date(sandbox: RunningSandbox) -> None:
    """Marqeta shows 30 days unless a date is given."""
    world = world_of("marqeta", sandbox)
    card = world.issuer.create_card(order_for(world.issuer), key=new_key())
    world.post(card.issuer_card_id, 500)
    for row in sandbox.marqeta.state.transactions.values():
        row["user_transaction_time"] = "2026-02-01T00:00:00Z"
    assert len(world.issuer.get_transaction_history(card.issuer_card_id, since=LONG_AGO).transactions) == 1
