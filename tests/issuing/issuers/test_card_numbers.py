"""A card's whole number: the same cases over every issuer, and no trace of it in a log, an error or a repr."""

import logging
import pickle
from typing import Any

import pytest
import stripe

from issuing.issuers.base import AuthenticationError, IssuerError, NetworkError, RateLimitedError, RefusedError
from issuing.issuers.card_numbers import read_card_data
from issuing.issuers.mock import MockIssuer
from tests.issuing.issuers.worlds import TOO_SLOW_S, World, new_key, order_for, world_of
from tests.sandbox.card_numbers import has_check_digit
from tests.sandbox.running import RunningSandbox

FAULTS = [
    ({"do": "error_500"}, NetworkError),
    ({"do": "drop_request"}, NetworkError),
    ({"do": "drop_answer"}, NetworkError),
    ({"do": "malformed_json"}, NetworkError),
    ({"do": "html_error"}, NetworkError),
    ({"do": "delay", "delay_s": TOO_SLOW_S}, NetworkError),
    ({"do": "rate_limit", "retry_after_s": 7}, RateLimitedError),
    ({"do": "unauthorized"}, AuthenticationError),
]


def new_card(world: World) -> str:
    return world.issuer.create_card(order_for(world.issuer), key=new_key()).issuer_card_id


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every logger at its most talkative, Stripe's package on the console too."""
    monkeypatch.setattr(stripe, "log", "debug")
    for name in ("", "stripe", "urllib3", "issuing", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_the_number_is_the_cards_and_has_a_right_check_digit(world: World) -> None:
    card = world.issuer.create_card(order_for(world.issuer), key=new_key())
    shown = world.issuer.get_card_data(card.issuer_card_id)
    assert (shown.number, shown.cvv) == world.printed(card.issuer_card_id)
    assert (len(shown.number), shown.number[-4:], len(shown.cvv)) == (16, card.last_four, 3)
    assert has_check_digit(shown.number)
    assert world.issuer.get_card_data(card.issuer_card_id) == shown


def test_no_log_and_no_repr_holds_it(
    world: World, talkative: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    card_id = new_card(world)
    talkative.clear()
    capsys.readouterr()
    shown = world.issuer.get_card_data(card_id)
    console = capsys.readouterr()
    assert shown.number not in talkative.text + console.out + console.err
    assert shown.number not in repr(shown)
    assert shown.cvv not in repr(shown)
    with pytest.raises(TypeError):
        pickle.dumps(shown)


def test_an_unknown_card_has_no_number(world: World) -> None:
    new_card(world)
    with pytest.raises(RefusedError) as refusal:
        world.issuer.get_card_data("nobody's")
    assert refusal.value.code == "issuer_unknown_card"
    assert "nobody" not in refusal.value.message


@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=str)
def test_a_fault_is_told_without_the_number(
    remote: World,
    fault: dict[str, Any],
    error: type[IssuerError],
    talkative: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    card_id = new_card(remote)
    number, _cvv = remote.printed(card_id)
    assert remote.sandbox
    remote.sandbox.order(path="*/cards/*", method="GET", **fault)
    capsys.readouterr()
    with pytest.raises(error) as raised:
        remote.issuer.get_card_data(card_id)
    assert type(raised.value) is error
    if isinstance(raised.value, RateLimitedError):
        assert raised.value.retry_after_s == 7
    assert (raised.value.__cause__, raised.value.__suppress_context__ or raised.value.__context__ is None) == (
        None,
        True,
    )
    assert number not in raised.value.message + talkative.text + capsys.readouterr().err
    assert remote.issuer.get_card_data(card_id).number == number


def test_a_plastic_card_of_stripe_does_not_tell_its_number(sandbox: RunningSandbox) -> None:
    world = world_of("stripe", sandbox)
    card_id = new_card(world)
    sandbox.state.objects["issuing.card"][card_id]["type"] = "physical"
    with pytest.raises(RefusedError) as refusal:
        world.issuer.get_card_data(card_id)
    assert refusal.value.code == "issuer_refused"


@pytest.mark.parametrize(
    ("number", "cvv", "last_four"),
    [
        ("411111______1111", "123", "1111"),
        ("4111111111111111", "123", "1112"),
        ("4111111111111111", None, "1111"),
        ("4111111111111111", "", "1111"),
        (4111111111111111, "123", "1111"),
        (None, "123", "1111"),
        ("٤111111111111111", "123", "1111"),
    ],
)
def test_what_is_no_number_of_this_card_is_no_answer(number: object, cvv: object, last_four: object) -> None:
    with pytest.raises(NetworkError):
        read_card_data(number, cvv, last_four=last_four)
    assert read_card_data("4111111111111111", "123", last_four="1111").number == "4111111111111111"


def test_the_mock_prints_the_same_card_again_in_another_process() -> None:
    def number_of(card_key: str) -> str:
        issuer = MockIssuer()
        card = issuer.create_card(order_for(issuer), key=card_key)
        return issuer.get_card_data(card.issuer_card_id).number

    assert number_of("one") == number_of("one") != number_of("two")
