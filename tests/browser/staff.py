"""Members of staff who log in as they really do: name, password, and a code of their own authenticator."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page

from onecard.users.models import User
from tests.support.authenticators import Authenticator
from tests.support.factories import UserFactory
from tests.support.second_step import let_session_age

PASSWORD: Final = "three blue tea cups"


@dataclass(frozen=True, slots=True)
class Colleague:
    """A login with its authenticator."""

    user: User
    phone: Authenticator


def colleague(role: str, name: str = "") -> Colleague:
    """Makes a member of staff of this role, or a "superuser"; two of one role need two names."""
    user = UserFactory(username=name or role, is_staff=True, is_superuser=role == "superuser")
    if role != "superuser":
        user.groups.add(Group.objects.get(name=role))
    user.set_password(PASSWORD)
    user.save()
    return Colleague(user, Authenticator.of(user))


def enter(page: Page, who: Colleague) -> None:
    """Logs in on the pages, and ends on the overview."""
    page.goto("/admin/")
    page.locator("[name=login]").fill(who.user.get_username())
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").first.click()
    page.locator("[name=code]").fill(who.phone.fresh_code())
    page.locator("[type=submit]").first.click()
    page.wait_for_url("**/admin/")


def let_code_age(page: Page) -> None:
    """Makes the page's session as if its last code had been entered longer ago than it counts for money."""
    cookies = {each.get("name"): each.get("value") for each in page.context.cookies()}
    let_session_age(SessionStore(session_key=cookies[settings.SESSION_COOKIE_NAME]))
