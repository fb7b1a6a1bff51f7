"""The whole product over HTTP with either issuer, and a reconciliation that counts what happened just now."""

import datetime as dt
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from issuing.issuers import registry
from issuing.models import VirtualCard
from issuing.reconcile import window
from tests.issuing.issuers.worlds import marqeta_settings
from tests.journeys.conftest import CARD, both
from tests.journeys.two_issuers import AtMarqeta, AtStripe, Side
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings

__all__ = ["both"]


@dataclass(frozen=True)
class Result:
    """What `manage.py reconcile` said: its exit status, its findings, and its last words."""

    status: int
    found: list[dict[str, Any]]
    said: str

    def lines(self) -> list[tuple[str, str, str]]:
        return [(each["class"], each["comparison"], each["became"]) for each in self.found]


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "GRACE", dt.timedelta(0))


@pytest.fixture(params=["stripe", "marqeta"])
def side(request: pytest.FixtureRequest, both: RunningSandbox, settings: Any) -> Side:
    return at_issuer(request.param, both, settings)


@pytest.fixture
def at_stripe(both: RunningSandbox, settings: Any) -> Side:
    return at_issuer("stripe", both, settings)


@pytest.fixture
def reconcile() -> Callable[..., Result]:
    return run_command


def at_issuer(provider: str, sandbox: RunningSandbox, settings: Any) -> Side:
    for name, value in marqeta_settings(sandbox, MarqetaSettings()).items():
        setattr(settings, name, value)
    registry.clear()
    card = VirtualCard.objects.get(issuer_card_id=CARD)
    if provider == "stripe":
        return AtStripe(card)
    VirtualCard.objects.filter(pk=card.pk).update(issuer_provider="marqeta", issuer_card_id="demo-card")
    return AtMarqeta(VirtualCard.objects.get(pk=card.pk), sandbox)


def a_second_passes() -> None:
    """Balances are compared at a full second, and what moved within it is not before it."""
    time.sleep(1 - time.time() % 1 + 0.01)


def run_command(*arguments: str) -> Result:
    """Compares all that has moved so far, whatever part of a second it moved in."""
    a_second_passes()
    out, status, said = StringIO(), 0, ""
    try:
        call_command("reconcile", "--format=json", *arguments, stdout=out)
    except CommandError as error:
        status, said = error.returncode, str(error)
    text = out.getvalue()
    return Result(status, json.loads(text)["differences"] if status < 2 else [], said)
