"""The failure table over real HTTP: what each fault raises, what the issuer has then, what a retry makes of it."""

import logging
import time
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from issuing.issuers.base import AuthenticationError, IssuedCard, IssuerError, NetworkError, RateLimitedError
from issuing.states import Card
from tests.issuing.issuers.worlds import LIMITS, TOO_SLOW_S, World, new_key, order_for, world_of
from tests.sandbox.running import RunningSandbox

# Fault, its error, and how many cards the issuer has while we do not know.
TABLE = [
    ({"do": "error_500"}, NetworkError, 0),
    ({"do": "drop_request"}, NetworkError, 0),
    ({"do": "drop_answer"}, NetworkError, 1),
    ({"do": "malformed_json"}, NetworkError, 1),
    ({"do": "html_error"}, NetworkError, 0),
    ({"do": "rate_limit"}, RateLimitedError, 0),
    ({"do": "rate_limit", "retry_after_s": 7}, RateLimitedError, 0),
    ({"do": "unauthorized"}, AuthenticationError, 0),
]
SECRETS = (settings.STRIPE_API_KEY, "sandbox_admin_access_token", "sandbox_application_token")


def order_fault(world: World, **fault: Any) -> None:
    assert world.sandbox
    world.sandbox.order(path=world.card_path, method="POST", **fault)


@pytest.mark.parametrize(("fault", "error", "made"), TABLE, ids=str)
def test_one_fault_and_a_retry_make_one_card(
    remote: World, fault: dict[str, Any], error: type[IssuerError], made: int, caplog: pytest.LogCaptureFixture
) -> None:
    order, key = order_for(remote.issuer), new_key()
    order_fault(remote, **fault)
    with caplog.at_level(logging.DEBUG, logger="issuing"), pytest.raises(error) as raised:
        remote.issuer.create_card(order, key=key)
    assert type(raised.value) is error
    assert len(remote.card_calls()) == 1
    assert remote.cards_made() == made
    if isinstance(raised.value, RateLimitedError):
        assert raised.value.retry_after_s == fault.get("retry_after_s")
    told = raised.value.message + caplog.text
    assert not [secret for secret in SECRETS if secret in told]
    assert raised.value.__cause__ is None

    card = remote.issuer.create_card(order, key=key)
    assert remote.cards_made() == 1
    assert remote.issuer.get_card_details(card.issuer_card_id) == card
    assert remote.issuer.create_card(order, key=key) == card
    assert remote.cards_made() == 1


def test_many_500s_end_in_one_card(remote: World) -> None:
    """Stripe repeats a 500 to its key for ever: the retry goes on under a key derived from it."""
    order, key = order_for(remote.issuer), new_key()
    order_fault(remote, do="error_500", times=3)
    for _ in range(3):
        with pytest.raises(NetworkError):
            remote.issuer.create_card(order, key=key)
    card = remote.issuer.create_card(order, key=key)
    assert remote.cards_made() == 1
    assert remote.issuer.create_card(order, key=key) == card
    # Each try at Stripe asks the burnt keys again, and the last finds the card: 1 + 2 + 3 + 4 + 1 calls.
    assert len(remote.card_calls()) == (11 if remote.issuer.provider == "stripe" else 5)


def test_a_card_that_stripe_made_before_it_answered_500_is_found_again(sandbox: RunningSandbox) -> None:
    world = world_of("stripe", sandbox)
    order, key = order_for(world.issuer), new_key()
    order_fault(world, do="error_500")
    with pytest.raises(NetworkError):
        world.issuer.create_card(order, key=key)
    made = world.issuer.create_card(order, key=new_key())
    sandbox.state.objects["issuing.card"][made.issuer_card_id]["metadata"]["one_card_key"] = key
    assert world.issuer.create_card(order, key=key) == replace(made, key=key)
    assert world.cards_made() == 1


def test_a_slow_answer_is_given_up_in_time_and_makes_one_card(remote: World) -> None:
    order, key = order_for(remote.issuer), new_key()
    order_fault(remote, do="delay", delay_s=TOO_SLOW_S)
    started = time.monotonic()
    with pytest.raises(NetworkError):
        remote.issuer.create_card(order, key=key)
    assert time.monotonic() - started < TOO_SLOW_S - 0.05
    card = patiently(remote, order, key)
    time.sleep(0.5)
    assert remote.cards_made() == 1
    assert remote.issuer.get_card_details(card.issuer_card_id) == card


def patiently(world: World, order: Any, key: str) -> IssuedCard:
    """As a worker would: Stripe says 409 as long as the first call is still being carried out."""
    for _ in range(20):
        try:
            return world.issuer.create_card(order, key=key)
        except NetworkError:
            time.sleep(0.1)
    raise AssertionError("the card never came")


@pytest.mark.parametrize("do", ["error_500", "drop_answer", "malformed_json", "html_error"])
def test_a_card_is_frozen_once_whatever_happens_to_the_answer(remote: World, do: str) -> None:
    card = remote.issuer.create_card(order_for(remote.issuer), key=new_key())
    remote.issuer.update_card_status(card.issuer_card_id, Card.ACTIVE, reason="", key=new_key())
    assert remote.sandbox
    path = "/v3/cardtransitions" if remote.issuer.provider == "marqeta" else f"/v1/issuing/cards/{card.issuer_card_id}"
    remote.sandbox.order(do=do, path=path, method="POST")
    key = new_key()
    with pytest.raises(NetworkError):
        remote.issuer.update_card_status(card.issuer_card_id, Card.FROZEN, reason="lost", key=key)
    for _ in range(2):
        moved = remote.issuer.update_card_status(card.issuer_card_id, Card.FROZEN, reason="lost", key=key)
        assert moved.status == Card.FROZEN
    assert remote.issuer.get_card_details(card.issuer_card_id).status == Card.FROZEN


def test_limits_reach_the_issuer_after_a_500(remote: World) -> None:
    card = remote.issuer.create_card(order_for(remote.issuer), key=new_key())
    assert remote.sandbox
    path, method = (
        ("/v3/velocitycontrols/*", "PUT") if remote.issuer.provider == "marqeta" else ("/v1/issuing/cards/*", "POST")
    )
    remote.sandbox.order(do="error_500", path=path, method=method)
    key, limits = new_key(), type(LIMITS)(100, 200, 300)
    with pytest.raises(NetworkError):
        remote.issuer.set_spending_limits(card.issuer_card_id, limits, key=key)
    remote.issuer.set_spending_limits(card.issuer_card_id, limits, key=key)
    assert remote.issuer.get_card_details(card.issuer_card_id).limits == limits


@pytest.mark.parametrize("do", ["malformed_json", "html_error", "error_500"])
def test_a_reading_that_cannot_be_read_is_a_network_error(remote: World, do: str) -> None:
    card = remote.issuer.create_card(order_for(remote.issuer), key=new_key())
    assert remote.sandbox
    remote.sandbox.order(do=do, path="*/cards/*", method="GET")
    with pytest.raises(NetworkError):
        remote.issuer.get_card_details(card.issuer_card_id)
    assert remote.issuer.get_card_details(card.issuer_card_id) == card
