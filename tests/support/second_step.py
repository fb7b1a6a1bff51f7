"""A session after the second step of a login."""

import time

from django.test import Client

from onecard.users.models import User


def with_second_factor(client: Client, user: User) -> None:
    """What allauth writes into a session after the second step of a login."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
