"""The mock's own promises: the same from the same keys, safe among threads, scripted by tests, never in production."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from issuing.issuers import registry
from issuing.issuers.base import NetworkError
from issuing.issuers.errors import no_answer
from issuing.issuers.mock import Failure, MockIssuer
from tests.issuing.issuers.worlds import ADA, LIMITS, CardOrder, new_key
from tests.support.threads import at_once


def test_two_mocks_make_the_same_card_of_the_same_keys() -> None:
    def make() -> Any:
        issuer = MockIssuer()
        order = CardOrder(issuer.create_cardholder(ADA, key="holder"), "visa", "USD", LIMITS)
        return issuer.create_card(order, key="card")

    assert make() == make()


def test_threads_with_one_key_make_one_card() -> None:
    issuer = MockIssuer()
    order = CardOrder(issuer.create_cardholder(ADA, key=new_key()), "visa", "USD", LIMITS)
    made = at_once([lambda: issuer.create_card(order, key="one")] * 16)
    assert len({card.issuer_card_id for card in made}) == len(issuer.cards) == 1


@pytest.mark.parametrize(("after", "made"), [(False, 0), (True, 1)])
def test_a_scripted_failure_strikes_before_or_after_the_work(after: bool, made: int) -> None:
    issuer = MockIssuer()
    order = CardOrder(issuer.create_cardholder(ADA, key=new_key()), "visa", "USD", LIMITS)
    issuer.fail(Failure("create_card", no_answer, times=2, after=after))
    for _ in range(2):
        with pytest.raises(NetworkError):
            issuer.create_card(order, key="one")
        assert len(issuer.cards) == made
    issuer.create_card(order, key="one")
    assert len(issuer.cards) == 1


def test_the_registry_gives_one_client_and_no_mock_without_debug(settings: Any) -> None:
    registry.clear()
    try:
        assert registry.issuer_for("stripe") is registry.issuer_for("stripe")
        assert registry.issuer_for("stripe").provider == "stripe"
        with pytest.raises(ImproperlyConfigured, match="development"):
            registry.issuer_for("mock")
        with pytest.raises(ImproperlyConfigured, match="no issuer 'acme'"):
            registry.issuer_for("acme")
        mine = MockIssuer()
        registry.install(mine)
        assert registry.issuer_for("mock") is mine
        registry.clear()
        settings.DEBUG = True
        assert registry.issuer_for("mock").provider == "mock"
    finally:
        registry.clear()
