"""A wrong setting of the alerts stops the start with a sentence that names it."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from onecard import alert_settings
from tests.onecard.alerts.conftest import SECRET

URL = "https://alerts.example.com/hooks"


def test_nothing_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALERT_MAILS", "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", "RUNBOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    assert not any(alert_settings.read(loopback=False))


def test_two_secrets_sign_while_the_receiver_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", URL)
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", f"{SECRET}, {SECRET}A===")
    with pytest.raises(ImproperlyConfigured, match="Entry 2 of ALERT_WEBHOOK_SECRET"):
        alert_settings.read(loopback=False)
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", f"{SECRET}, {SECRET}")
    assert alert_settings.read(loopback=False).webhook_secrets == [SECRET, SECRET]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_MAILS", "ops"),
        ("ALERT_WEBHOOK_URL", "http://alerts.example.com"),
        ("ALERT_WEBHOOK_URL", "alerts.example.com"),
        ("ALERT_WEBHOOK_SECRET", ""),
        ("ALERT_WEBHOOK_SECRET", "whsec_c2hvcnQ="),
        ("ALERT_WEBHOOK_SECRET", "secret" * 9),
        ("RUNBOOK_URL", "docs/runbook.md"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", URL)
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        alert_settings.read(loopback=False)
