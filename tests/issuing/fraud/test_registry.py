"""FRAUD_HOOKS: what it may name, and the sentence that stops the start where it is wrong."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from issuing.fraud import registry
from onecard import fraud_settings
from tests.issuing.fraud.hooks import HERE


@pytest.fixture(autouse=True)
def _read_anew() -> Any:
    yield
    registry.forget()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing_here", "cannot be imported"),
        ("NOT_CALLABLE", "no plain function"),
        ("waits", "no plain function"),
        ("takes_two", "exactly one argument"),
    ],
)
def test_a_hook_that_cannot_be_asked_is_refused(settings: Any, name: str, words: str) -> None:
    settings.FRAUD_HOOKS = [f"{HERE}.{name}"]

    with pytest.raises(ImproperlyConfigured, match=words):
        registry.hooks()


def test_two_hooks_of_one_name_are_refused(settings: Any) -> None:
    settings.FRAUD_HOOKS = [f"{HERE}.flags", "issuing.fraud.asking.flags"]

    with pytest.raises(ImproperlyConfigured, match="two hooks called flags"):
        registry.hooks()


def test_what_may_decline_has_to_be_a_hook(settings: Any) -> None:
    settings.FRAUD_HOOKS, settings.FRAUD_DECLINING_HOOKS = [f"{HERE}.flags"], [f"{HERE}.refuses"]

    with pytest.raises(ImproperlyConfigured, match="which FRAUD_HOOKS does not"):
        registry.hooks()


def test_only_the_shipped_hooks_are_asked_and_none_declines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FRAUD_HOOKS", "FRAUD_DECLINING_HOOKS"):
        monkeypatch.delenv(name, raising=False)

    hooks, declining, budget_ms, max_age_s = fraud_settings.read()

    assert (hooks, declining) == (list(fraud_settings.SHIPPED), [])
    assert (budget_ms, max_age_s) == (20, 30)


@pytest.mark.parametrize(
    ("value", "words"), [("card_testing", "no dotted path"), ("a.b,a.b", "twice"), ("a.b;c", "no dotted path")]
)
def test_what_is_no_list_of_paths_is_refused(monkeypatch: pytest.MonkeyPatch, value: str, words: str) -> None:
    monkeypatch.setenv("FRAUD_HOOKS", value)

    with pytest.raises(ImproperlyConfigured, match=words):
        fraud_settings.read()


def test_a_wrong_hook_stops_the_start_with_a_sentence() -> None:
    wrong = os.environ | {"FRAUD_HOOKS": "json.no_such_hook"}

    found = subprocess.run(
        [sys.executable, "manage.py", "check"], env=wrong, capture_output=True, text=True, check=False, timeout=60
    )

    assert found.returncode != 0
    assert "FRAUD_HOOKS names json.no_such_hook, which cannot be imported" in found.stderr
    assert "Traceback" not in found.stderr
