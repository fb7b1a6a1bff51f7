"""How a member of staff logs in, and what the trail holds of it."""

from typing import Any

from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.users.models import User
from tests.support.authenticators import Authenticator
from tests.support.factories import UserFactory

PASSWORD = "a long pass phrase"


LOGIN, CODE = "/admin/sign-in/", "/admin/sign-in/code/"


def clerk(**more: Any) -> User:
    user = UserFactory(**({"is_staff": True} | more))
    user.set_password(PASSWORD)
    user.save()
    return user


def first_step(client: Client, user: User, password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": user.username, "password": password}, **more)


def log_in(client: Client, user: User, phone: Authenticator) -> Any:
    first_step(client, user)
    return client.post(CODE, {"code": phone.fresh_code()})


def is_in(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


def trail() -> list[tuple[str, str]]:
    return [(each.action, each.details.get("why", "")) for each in Entry.objects.order_by("pk")]
