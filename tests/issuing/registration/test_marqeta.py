"""Our webhook, gateway and card product at Marqeta: each wrong state is found and put right, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings
from pytest_django.fixtures import Settings

from issuing.issuers.marqeta import registration
from issuing.models import IssuerEvent
from issuing.registration import check
from issuing.registration.doors import doors_of
from issuing.webhooks import refused_signatures
from tests.issuing.registration.conftest import Run
from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import SOURCE, Api
from tests.support.registrations import ADDRESS, PROGRAM
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
DOORS = doors_of("marqeta", ADDRESS)
PRODUCT = "demo-card-product"
RIGHT = ["webhook_right", "gateway_right", "product_right"]


def things(sandbox: RunningSandbox, kind: str) -> dict[str, Json]:
    return sandbox.marqeta.state.things[kind]


def codes() -> list[str]:
    return [each.code for each in check.check("marqeta").findings if each.part != check.ADDRESS]


def binding(sandbox: RunningSandbox) -> Json:
    found: Json = things(sandbox, "cardproduct")[PRODUCT]["config"]["jit_funding"]["programgateway_funding_source"]
    return found


def test_everything_that_is_missing_is_made(sandbox: RunningSandbox, run: Run) -> None:
    binding(sandbox).clear()
    assert codes() == ["webhook_missing", "gateway_missing", "product_without_jit", "refunds_elsewhere"]

    out, problem = run("marqeta")

    webhook, source = (
        things(sandbox, "webhook")["one-card-events"],
        things(sandbox, "gatewaysource")["one-card-gateway"],
    )
    assert problem == ""
    assert (webhook["config"]["url"], webhook["events"]) == (DOORS.events, list(registration.EVENTS))
    assert (webhook["config"]["basic_auth_username"], webhook["config"]["secret"]) == (
        "our_webhook",
        "Our-Webhook-Secret-44",
    )
    assert (source["url"], source["basic_auth_password"]) == (DOORS.decisions, "Our-Gateway-Password-2")
    assert (binding(sandbox)["enabled"], binding(sandbox)["funding_source_token"]) == (True, "one-card-gateway")
    assert binding(sandbox)["refunds_destination"] == "GATEWAY"
    assert "Password" not in out
    assert "Secret-44" not in out
    assert codes() == RIGHT
    assert "nothing was changed" in run("marqeta")[0]


@pytest.fixture
def connected(sandbox: RunningSandbox, run: Run) -> RunningSandbox:
    assert run("marqeta")[1] == ""
    return sandbox


def change(kind: str, token: str, **values: Any) -> Callable[[RunningSandbox], None]:
    return lambda sandbox: things(sandbox, kind)[token].update(values)


def config(**values: Any) -> Callable[[RunningSandbox], None]:
    def spoil(sandbox: RunningSandbox) -> None:
        found = things(sandbox, "webhook")["one-card-events"]["config"]
        found.update(values)
        if values.get("secret", "kept") is None:
            del found["secret"]

    return spoil


def bound(**values: Any) -> Callable[[RunningSandbox], None]:
    return lambda sandbox: binding(sandbox).update(values)


WRONG: list[tuple[Callable[[RunningSandbox], None], str]] = [
    (change("webhook", "one-card-events", active=False), "webhook_inactive"),
    (config(url="https://old.example.com/hook"), "webhook_elsewhere"),
    (change("webhook", "one-card-events", events=["transaction.*"]), "events_missing"),
    (change("webhook", "one-card-events", events=["*"]), "events_extra"),
    (config(secret=None), "webhook_unsigned"),
    (change("gatewaysource", SOURCE, active=False), "gateway_inactive"),
    (change("gatewaysource", SOURCE, url=""), "gateway_inactive"),
    (change("gatewaysource", SOURCE, url="https://old.example.com/jit"), "gateway_elsewhere"),
    (bound(enabled=False), "product_without_jit"),
    (bound(funding_source_token="gone"), "gateway_missing"),
    (bound(refunds_destination="GPA"), "refunds_elsewhere"),
]


@pytest.mark.parametrize(("spoil", "code"), WRONG)
def test_what_is_wrong_is_found_and_put_right(
    connected: RunningSandbox, run: Run, spoil: Callable[[RunningSandbox], None], code: str
) -> None:
    spoil(connected)
    assert code in codes()
    assert run("marqeta", "--dry-run")[1].startswith("Nothing was changed.")
    assert code in codes()

    assert run("marqeta")[1] == ""

    assert codes() == RIGHT
    assert "nothing was changed" in run("marqeta")[0]
    assert connected.marqeta.state.things["cardproduct"][PRODUCT]["name"]
    assert len([each for each in things(connected, "webhook").values() if each["active"]]) == 1


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (change("cardproduct", PRODUCT, active=False), "product_inactive"),
        (lambda sandbox: things(sandbox, "cardproduct").clear(), "product_missing"),
    ],
)
def test_a_product_that_is_off_or_gone_is_left_for_a_person(
    connected: RunningSandbox, run: Run, spoil: Callable[[RunningSandbox], None], code: str
) -> None:
    spoil(connected)

    out, problem = run("marqeta")

    assert code in codes()
    assert "nothing was changed" in out
    assert problem.startswith("Left for a person:")


def test_passwords_are_set_again_when_that_is_asked_for(connected: RunningSandbox, run: Run) -> None:
    ours = {"MARQETA_WEBHOOK_PASSWORD": "Another-Webhook-Pass-5", "MARQETA_JIT_PASSWORD": "Another-Gateway-Pass-6"}
    with override_settings(**ours):
        assert "nothing was changed" in run("marqeta")[0]
        out, problem = run("marqeta", "--renew")

    webhook, source = things(connected, "webhook")["one-card-events"], things(connected, "gatewaysource")[SOURCE]
    assert (problem, "Another" in out) == ("", False)
    assert webhook["config"]["basic_auth_password"] == ours["MARQETA_WEBHOOK_PASSWORD"]
    assert source["basic_auth_password"] == ours["MARQETA_JIT_PASSWORD"]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_of_each(sandbox: RunningSandbox, run: Run) -> None:
    binding(sandbox).clear()

    outs = at_once([lambda: run("marqeta")] * 2)

    assert [problem for _out, problem in outs] == ["", ""]
    assert list(things(sandbox, "webhook")) == ["one-card-events"]
    assert set(things(sandbox, "gatewaysource")) == {SOURCE, "one-card-gateway"}
    assert codes() == RIGHT


def test_a_refusal_of_marqeta_is_said_and_mended_by_another_run(sandbox: RunningSandbox, run: Run) -> None:
    with override_settings(MARQETA_WEBHOOK_PASSWORD="too-short"):
        _out, problem = run("marqeta")
    assert problem.startswith("The issuer refused a change (webhook_created).")
    assert problem.endswith("What is said to be done above is done; run it again.")
    sandbox.order(do="unauthorized", path="/v3/webhooks", method="POST")
    assert run("marqeta")[1].startswith("The card issuer did not accept our credentials.")
    assert not things(sandbox, "webhook")

    assert run("marqeta")[1] == ""

    assert codes() == RIGHT


@pytest.mark.parametrize("name", ["MARQETA_CARD_PRODUCT_TOKEN", "MARQETA_JIT_PASSWORD", "MARQETA_BASE_URL"])
def test_what_is_not_set_is_named(sandbox: RunningSandbox, run: Run, name: str) -> None:
    with override_settings(**{name: ""}):
        _out, problem = run("marqeta")

    assert problem.startswith(f"Set {name} first:")
    assert not sandbox.requests.find(method="GET")


@pytest.mark.django_db(transaction=True)
def test_marqeta_asks_and_reports_with_what_it_was_told(
    our_server: str, sandbox_of_its_own: RunningSandbox, run: Run, settings: Settings
) -> None:
    settings.DEBUG = True
    assert run("marqeta", url=our_server)[1] == ""

    sandbox = sandbox_of_its_own
    Api(sandbox.url, PROGRAM).buy()

    reported = [each.status for each in sandbox.deliveries.wait_for(event_type="transaction.authorization")]
    # Nobody here has this card, so the answer is no; what counts is that both doors let Marqeta in.
    assert [each.status for each in sandbox.deliveries.find(event_type="gateway.request")] == [402]
    assert reported == [200]
    assert IssuerEvent.objects.filter(event_type="transaction.authorization").exists()
    assert refused_signatures.of_a_day("marqeta") == refused_signatures.Refused(0, None)
