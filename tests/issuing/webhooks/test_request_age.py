"""How old a question is: by its arrival, by a proxy that is trusted, and by its signature."""

import time
from typing import Any

import pytest
import time_machine
from django.test import RequestFactory

from issuing.webhooks.request_age import count_signature, watch_for
from onecard.kit.buffered_wsgi import ARRIVED_AT
from onecard.kit.clock import Stopwatch


def age_ms(**meta: Any) -> float:
    return watch_for(RequestFactory().post("/stripe-webhook", **meta)).elapsed_ms


def test_the_wait_for_a_thread_counts() -> None:
    assert age_ms() < 100
    assert 700 <= age_ms(**{ARRIVED_AT: time.perf_counter() - 0.7}) < 1500
    assert age_ms(**{ARRIVED_AT: "0.1"}) < 100  # Nobody can say it with a header: those are texts.


@pytest.mark.parametrize("form", ["t={:.3f}", "{:.3f}", " t={:.3f} "])
def test_the_wait_at_a_trusted_proxy_counts(settings: Any, form: str) -> None:
    header = form.format(time.time() - 0.8)
    assert age_ms(HTTP_X_REQUEST_START=header) < 100
    settings.TRUST_REQUEST_START = True
    assert 790 <= age_ms(HTTP_X_REQUEST_START=header) < 1600


@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_a_proxys_smaller_units_are_understood(settings: Any, scale: float) -> None:
    settings.TRUST_REQUEST_START = True
    assert 790 <= age_ms(HTTP_X_REQUEST_START=f"t={(time.time() - 0.8) * scale:.0f}") < 1600


@pytest.mark.parametrize("header", ["", "t=", "soon", "t=nan", "inf", "-5", "t=99999999999999999999", "t=1"])
def test_what_no_proxy_says_counts_nothing(settings: Any, header: str) -> None:
    settings.TRUST_REQUEST_START = True
    assert age_ms(HTTP_X_REQUEST_START=header) < 100


def test_a_signature_counts_beyond_the_slack_of_whole_seconds(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 1000
    with time_machine.travel(1_800_000_000.5, tick=False):
        for seconds_ago, counted_ms in ((0, 0), (1, 500), (3, 2500), (-200, 0)):
            watch = Stopwatch()
            count_signature(watch, int(time.time()) - seconds_ago)
            assert counted_ms <= watch.elapsed_ms < counted_ms + 100, seconds_ago


@pytest.mark.usefixtures("usual_deadline")
def test_a_fresh_signature_leaves_an_older_arrival_as_it_is() -> None:
    watch = Stopwatch(waited_ms=600)
    count_signature(watch, int(time.time()) + 1)
    assert 600 <= watch.elapsed_ms < 1000
    assert watch.steps_ms["waited"] == pytest.approx(600, abs=50)
