"""Who reads the session table reads no code that is under way."""

import base64
import json
import zlib
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import signing

from tests.onecard.api.auth.people import App, joined, mailed_code
from tests.support.back_office import logged_in

pytestmark = pytest.mark.django_db


def raw(session: Session) -> bytes:
    """What stands in the row, without any key: Django signs it and encodes it, and no more."""
    text = session.session_data.split(":")[0]
    content = signing.b64_decode(text.lstrip(".").encode())
    return zlib.decompress(content) if text.startswith(".") else content


def test_a_code_under_way_is_not_in_the_session_table() -> None:
    app = App()
    app.sign_up()
    code = mailed_code()

    stored = [raw(each) for each in Session.objects.all()]

    assert stored
    for content in stored:
        assert code.encode() not in content
        assert code.replace("-", "").encode() not in content
        assert b"account_email_verification_code" not in content
    assert app.verify(code).status_code == 200


def test_a_session_whose_key_is_gone_is_over(settings: Any) -> None:
    used, idle = logged_in(), logged_in()
    settings.SECOND_FACTOR_KEYS = (b"another key of 32 bytes, abcdefg", *settings.SECOND_FACTOR_KEYS)
    # A session in use is sealed anew with the first key.
    assert used.get("/admin/").status_code == 200

    settings.SECOND_FACTOR_KEYS = settings.SECOND_FACTOR_KEYS[:1]

    assert (used.get("/admin/").status_code, idle.get("/admin/").status_code) == (200, 302)


def test_a_session_of_older_times_is_over_and_no_fault() -> None:
    app = joined()
    plain = base64.urlsafe_b64encode(json.dumps({"_auth_user_id": "1"}).encode()).decode().rstrip("=")
    for session in Session.objects.all():
        session.session_data = signing.Signer(salt="django.contrib.sessions.SessionStore").sign(plain)
        session.save()

    assert not app.is_in()
