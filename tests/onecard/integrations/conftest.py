"""A receiver on this machine, and a person with an endpoint that leads to it."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from onecard.integrations import endpoints
from onecard.integrations.models import Endpoint
from onecard.users.models import User
from tests.support.factories import UserFactory
from tests.support.webhook_receivers import Receiver, running_receiver


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    with running_receiver() as running:
        yield running


@pytest.fixture
def user() -> User:
    return UserFactory(email="jane@example.com")


@pytest.fixture
def other() -> User:
    return UserFactory()


@pytest.fixture
def endpoint(user: User, receiver: Receiver) -> Endpoint:
    return endpoints.create(
        user, url=receiver.url, description="Books", wanted=["*"], key=uuid.uuid4(), actor=f"user:{user.pk}"
    )
