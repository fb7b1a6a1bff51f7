"""A person's app or browser that joins through the API, with the mails that arrive for them."""

import json
import re
import time
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from onecard.api.auth import mails
from onecard.outbox.models import Message
from onecard.second_factor import login_mails

PASSWORD = "three blue tea cups"
NEW = "four green milk jugs"
EMAIL = "ada@example.com"
CODE = re.compile(r"\b[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}\b")


class App:
    """An app on a phone: it sends the session token that it was last given."""

    client_name = "app"

    def __init__(self, **headers: str) -> None:
        self.client = Client(headers=headers or None)
        self.token = ""

    def send(self, method: str, address: str, body: Any = None, **headers: str) -> Any:
        """Sends JSON to an address of allauth's, such as auth/login, and keeps the token of the answer."""
        if self.token:
            headers["X-Session-Token"] = self.token
        answer = self.client.generic(
            method,
            f"/api/v1/auth/{self.client_name}/v1/{address}",
            body if isinstance(body, bytes) else json.dumps(body or {}).encode(),
            content_type="application/json",
            headers=headers,
        )
        if answer["Content-Type"].endswith("json"):
            self.token = (answer.json().get("meta") or {}).get("session_token", self.token)
        return answer

    def get(self, address: str) -> Any:
        return self.send("GET", address, b"")

    def post(self, address: str, **body: Any) -> Any:
        return self.send("POST", address, body)

    def delete(self, address: str, **body: Any) -> Any:
        return self.send("DELETE", address, body)

    def api(self, address: str = "purchases") -> Any:
        """Asks an ordinary operation of the API."""
        return self.client.get(f"/api/v1/{address}", headers={"X-Session-Token": self.token})

    def is_in(self) -> bool:
        """Whether the API knows who asks; a person without a profile has no purchases to read yet."""
        answer = self.api()
        assert answer.status_code in (200, 401) or answer.json()["code"] == "profile_missing"
        return answer.status_code != 401

    def sign_up(self, email: str = EMAIL, password: str = PASSWORD) -> Any:
        return self.post("auth/signup", email=email, password=password)

    def verify(self, code: str = "") -> Any:
        return self.post("auth/email/verify", key=code or mailed_code())

    def log_in(self, email: str = EMAIL, password: str = PASSWORD) -> Any:
        return self.post("auth/login", email=email, password=password)


class Browser(App):
    """A page of the web: a session cookie, and the CSRF token for changes."""

    client_name = "browser"

    def __init__(self) -> None:
        super().__init__()
        self.client = Client(enforce_csrf_checks=True)

    def send(self, method: str, address: str, body: Any = None, **headers: str) -> Any:
        if "csrftoken" in self.client.cookies:
            headers["X-CSRFToken"] = self.client.cookies["csrftoken"].value
        return super().send(method, address, body, **headers)


def joined(email: str = EMAIL, app: App | None = None) -> App:
    """An app whose person has signed up and proved their address; the mail is gone."""
    app = app or App()
    app.sign_up(email)
    assert app.verify().status_code == 200
    arrived()
    return app


def arrived() -> list[Any]:
    """Sends what waits in the outbox, as the worker does, and returns the mails."""
    mail.outbox.clear()
    for message in Message.objects.filter(topic__in=("login.mail", "staff.notify")).order_by("pk"):
        if message.topic == "login.mail":
            mails.send(message.payload["mail_id"])
        else:
            login_mails.send(message.payload["entry_id"])
        message.delete()
    return list(mail.outbox)


def later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Moves the clock that limits and codes are measured by."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + seconds)


def mailed_code() -> str:
    """The code in the last mail."""
    found = CODE.search(arrived()[-1].body)
    assert found
    return found[0]
