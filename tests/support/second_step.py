"""A session after the second step of a login, a moment ago or longer."""

import time
from typing import Any

from django.conf import settings
from django.test import Client

from onecard.users.models import User


def with_second_factor(client: Client, user: User) -> None:
    """What allauth writes into a session after the second step of a login."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def let_code_age(client: Client, *, over_s: float = 1) -> None:
    """Makes the second factors of a browser's session older than `STAFF_FRESH_CODE_MIN` by this much."""
    let_session_age(client.session, over_s=over_s)


def let_session_age(session: Any, *, over_s: float = 1) -> None:
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - settings.STAFF_FRESH_CODE_MIN * 60 - over_s
    session.save()
