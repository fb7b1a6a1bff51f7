"""A sandbox of both issuers for the card routes, and one person at each issuer."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from issuing.issuers import registry
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.mock import MockIssuer
from tests.issuing.issuers.worlds import sandbox_for_issuers
from tests.onecard.api.cards.callers import ready_person
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in
from wallet.models import Cardholder


@pytest.fixture(scope="module")
def issuers_served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture
def issuers(issuers_served: RunningSandbox) -> Iterator[RunningSandbox]:
    issuers_served.reset()
    registry.clear()
    registry.install(MockIssuer())
    for provider in ("stripe", "marqeta", "mock"):
        close_breaker(provider)
    yield issuers_served
    registry.clear()


@pytest.fixture(params=["stripe", "marqeta", "mock"])
def provider(request: pytest.FixtureRequest, settings: Any, issuers: RunningSandbox) -> str:
    settings.ISSUER_PROVIDER = request.param
    settings.DECISION_DEADLINE_MS = 30_000
    return str(request.param)


@pytest.fixture
def holder() -> Cardholder:
    return ready_person()


@pytest.fixture
def client(holder: Cardholder) -> Client:
    return logged_in(holder.user)
