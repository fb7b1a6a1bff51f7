"""A person with a session of the API."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from onecard.users.models import User
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory

Post = Callable[..., Any]


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def client(user: User) -> Client:
    return logged_in(user)


@pytest.fixture
def post(client: Client) -> Post:
    """Posts a body under a key of its own, or the one that is given."""

    def send(path: str, body: Any = None, key: str = "", by: Client | None = None) -> Any:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return (by or client).post(path, body or {}, content_type="application/json", headers=headers)

    return send
