"""What staff do for a person's login: make it, change its address, and remove a lost second factor."""

import pytest

from onecard.users.models import User
from tests.onecard.api.auth.people import EMAIL, NEW, App, arrived, joined, mailed_code
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, send, text_of

pytestmark = pytest.mark.django_db
NEW_LOGIN = "/admin/users/user/add/"


def test_a_login_that_staff_made_is_opened_by_a_reset_and_a_code() -> None:
    send(logged_in(), NEW_LOGIN, username="ada", email="Ada@Example.com")
    app = App()
    app.post("auth/password/request", email=EMAIL)
    app.post("auth/password/reset", key=mailed_code(), password=NEW)
    arrived()

    assert app.log_in(password=NEW).status_code == 401
    assert app.verify().status_code == 200

    assert app.is_in()
    assert User.objects.get(username="ada").email.lower() == EMAIL


def test_staff_are_told_that_an_address_is_taken() -> None:
    joined()

    answer = send(logged_in(), NEW_LOGIN, username="other", email=EMAIL.upper())

    assert "has this e-mail address" in text_of(answer)
    assert User.objects.filter(email__iexact=EMAIL).count() == 1


def test_a_changed_address_ends_sessions_and_must_be_proved() -> None:
    app, user = joined(), User.objects.get()
    new = "ada@lovelace.example"

    send(logged_in(), f"/admin/users/user/{user.pk}/change/", email=new)

    assert app.api().status_code == 401
    sent = arrived()
    assert sorted(each.to[0] for each in sent) == sorted([EMAIL, new])
    assert "An administrator changed your login" in sent[0].body
    assert App().log_in().status_code == 400
    other = App()
    assert other.log_in(new).status_code == 401
    assert other.verify().status_code == 200


def test_a_lost_second_factor_is_removed_by_a_superuser() -> None:
    joined()
    user = User.objects.get()
    Authenticator.of(user)
    assert App().log_in().status_code == 401

    send(logged_in(), f"/admin/second-factor/of/{user.pk}/remove/", reason="They showed their passport")

    assert App().log_in().status_code == 200
    assert "The second factor of your login was removed" in arrived()[0].body
