"""Our webhook endpoint at Stripe: each wrong state is found and put right once, over HTTP against the sandbox."""

import typing
from typing import Any

import pytest
import stripe
from django.test import override_settings
from django.urls import resolve, reverse
from pytest_django.fixtures import Settings
from stripe.params import WebhookEndpointCreateParams

from audit.models import Entry
from issuing.handlers import dispatch, stripe_charges, stripe_event_types, stripe_own_money
from issuing.handlers import stripe as stripe_updates
from issuing.handlers.stripe_disputes import DISPUTE_EVENTS
from issuing.inbox.bodies import body_of
from issuing.issuers import registry
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.stripe import registration
from issuing.issuers.stripe.events import parse_envelope
from issuing.models import IssuerEvent, IssuerRegistration
from issuing.registration import check
from issuing.registration.doors import SIGN_OF_LIFE, STRIPE_OLD, doors_of
from tests.issuing.registration.conftest import Run
from tests.sandbox.running import RunningSandbox
from tests.sandbox.stripe.webhook_endpoints import new_endpoint
from tests.support.registrations import ADDRESS, endpoints, put_endpoint
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
OURS = doors_of("stripe", ADDRESS).events
RIGHT, DECISIONS = sorted(registration.events_for("2024-06-20")), "issuing_authorization.request"


def put(sandbox: RunningSandbox, **changes: Any) -> Json:
    """An endpoint that is right but for these changes."""
    return put_endpoint(sandbox, new_endpoint(changes.pop("url", OURS), RIGHT, version="2024-06-20") | changes)


def codes() -> list[str]:
    return [each.code for each in check.check("stripe").findings if each.part == "webhook"]


def test_a_missing_endpoint_is_made_once_and_its_secret_shown_once(sandbox: RunningSandbox, run: Run) -> None:
    assert codes() == ["endpoint_missing"]

    out, problem = run("stripe")

    (made,) = endpoints(sandbox)
    assert problem == ""
    assert (made["url"], made["status"], made["api_version"]) == (OURS, "enabled", "2024-06-20")
    assert made["enabled_events"] == RIGHT
    assert sandbox.state.endpoint_secrets[made["id"]] in out
    assert "issuing_authorization.request) is set in the dashboard" in out
    again, problem = run("stripe")
    assert ("nothing was changed" in again, problem, "whsec_" in again) == (True, "", False)
    assert len(endpoints(sandbox)) == 1
    assert codes() == ["endpoint_right"]


WRONG: list[tuple[Json, str]] = [
    ({"status": "disabled"}, "endpoint_disabled"),
    ({"url": "https://old.example.com/hook", "metadata": {registration.MARK: "events"}}, "endpoint_elsewhere"),
    ({"enabled_events": RIGHT[1:]}, "events_missing"),
    ({"enabled_events": [*RIGHT, "invoice.paid"]}, "events_extra"),
    ({"enabled_events": ["*"]}, "events_extra"),
    ({"api_version": "2022-08-01"}, "endpoint_version"),
    ({"api_version": None}, "endpoint_without_version"),
]


@pytest.mark.parametrize(("changes", "code"), WRONG)
def test_a_wrong_endpoint_is_put_right(sandbox: RunningSandbox, run: Run, changes: Json, code: str) -> None:
    put(sandbox, **changes)
    assert codes() == [code]
    before = [dict(each) for each in endpoints(sandbox)]

    planned, problem = run("stripe", "--dry-run")
    assert ("would" in planned, problem.startswith("Nothing was changed.")) == (True, True)
    assert endpoints(sandbox) == before

    assert run("stripe")[1] == ""

    enabled = [each for each in endpoints(sandbox) if each["status"] == "enabled"]
    assert [(each["url"], sorted(each["enabled_events"])) for each in enabled] == [(OURS, RIGHT)]
    assert codes() == ["endpoint_right"]
    assert "nothing was changed" in run("stripe")[0]


def test_a_version_that_is_not_read_is_replaced_before_it_goes(sandbox: RunningSandbox, run: Run) -> None:
    old = put(sandbox, api_version="2022-08-01")

    out, _problem = run("stripe")

    new = endpoints(sandbox)[-1]
    assert (old["status"], new["status"], new["api_version"]) == ("disabled", "enabled", "2024-06-20")
    assert sandbox.state.endpoint_secrets[new["id"]] in out
    changes = [each for each in sandbox.requests.find(method="POST") if each.path.startswith("/v1/webhook_endpoints")]
    assert [each.path for each in changes] == ["/v1/webhook_endpoints", f"/v1/webhook_endpoints/{old['id']}"]


def test_an_endpoint_left_over_beside_a_right_one_is_disabled(sandbox: RunningSandbox, run: Run) -> None:
    right, old = put(sandbox), put(sandbox, api_version="2022-08-01")
    assert codes() == ["endpoint_right", "endpoint_left_over"]

    assert run("stripe")[1] == ""

    assert (right["status"], old["status"], len(endpoints(sandbox))) == ("enabled", "disabled", 2)


def test_the_endpoint_for_decisions_is_left_alone(sandbox: RunningSandbox, run: Run) -> None:
    alone, both = put(sandbox, enabled_events=[DECISIONS]), put(sandbox, enabled_events=[*RIGHT[1:], DECISIONS])
    stranger = put(sandbox, url="https://elsewhere.example.com/hook", status="disabled")

    assert run("stripe")[1] == ""

    assert alone["enabled_events"] == [DECISIONS]
    assert both["enabled_events"] == sorted([*RIGHT, DECISIONS])
    assert stranger["status"] == "disabled"
    assert len(endpoints(sandbox)) == 3


def test_the_older_address_of_the_door_counts_too(sandbox: RunningSandbox, run: Run) -> None:
    put(sandbox, url=f"{ADDRESS}{STRIPE_OLD}")

    assert codes() == ["endpoint_right"]
    assert "nothing was changed" in run("stripe")[0]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_endpoint_and_both_know_its_secret(sandbox: RunningSandbox, run: Run) -> None:
    outs = at_once([lambda: run("stripe")] * 2)

    (made,) = endpoints(sandbox)
    secret = sandbox.state.endpoint_secrets[made["id"]]
    assert [problem for _out, problem in outs] == ["", ""]
    assert all(secret in out or "nothing was changed" in out for out, _problem in outs)
    assert any(secret in out for out, _problem in outs)


def test_a_lost_answer_makes_no_second_endpoint_and_loses_no_secret(sandbox: RunningSandbox, run: Run) -> None:
    sandbox.order(do="drop_answer", path="/v1/webhook_endpoints", method="POST")

    out, problem = run("stripe")

    (made,) = endpoints(sandbox)
    assert problem == ""
    assert sandbox.state.endpoint_secrets[made["id"]] in out


def test_one_that_was_deleted_is_made_anew_within_the_life_of_its_key(sandbox: RunningSandbox, run: Run) -> None:
    run("stripe")
    (first,) = endpoints(sandbox)
    client = stripe.StripeClient(sandbox.sandbox.settings.api_key, base_addresses={"api": sandbox.url})
    client.v1.webhook_endpoints.delete(first["id"])

    out, problem = run("stripe")

    (second,) = endpoints(sandbox)
    assert second["id"] != first["id"]
    assert (problem, sandbox.state.endpoint_secrets[second["id"]] in out) == ("", True)


def test_what_was_changed_is_in_the_trail_without_the_secret(sandbox: RunningSandbox, run: Run) -> None:
    run("stripe")

    entry = Entry.objects.get(action="issuer.endpoint_created")
    secret = next(iter(sandbox.state.endpoint_secrets.values()))
    assert entry.details["url"] == OURS
    stored = f"{entry.details} {IssuerRegistration.objects.get().findings}"
    assert secret not in stored


def test_an_issuer_that_is_down_leaves_what_was_known_and_says_so(sandbox: RunningSandbox, run: Run) -> None:
    put(sandbox, status="disabled")
    assert codes() == ["endpoint_disabled"]

    with override_settings(STRIPE_API_BASE="http://127.0.0.1:9"):
        registry.clear()
        known = check.check("stripe")
        _out, problem = run("stripe")
        registry.clear()
        close_breaker("stripe")

    assert [each.code for each in known.findings if each.part == "webhook"] == ["endpoint_disabled"]
    assert (known.is_unanswered, known.problem.startswith("The card issuer could not be reached")) == (True, True)
    assert problem.startswith("The card issuer could not be reached")
    assert codes() == ["endpoint_disabled"]
    assert not check.kept("stripe").is_unanswered


@pytest.mark.django_db(transaction=True)
def test_events_reach_us_signed_with_the_secret_that_was_shown(
    our_server: str, sandbox_of_its_own: RunningSandbox, run: Run, settings: Settings
) -> None:
    settings.DEBUG, sandbox = True, sandbox_of_its_own

    out, problem = run("stripe", url=our_server)
    assert problem == ""
    settings.STRIPE_WEBHOOK_SECRETS = [word for word in out.split() if word.startswith("whsec_")]
    client = stripe.StripeClient(settings.STRIPE_API_KEY, base_addresses={"api": sandbox.url})
    customer = client.v1.customers.create({"name": "Ada"})
    client.v1.customers.delete(customer.id)

    sent = sandbox.deliveries.wait_for(count=2, event_type="customer.deleted")
    event = IssuerEvent.objects.get()
    # The other one has no address: nobody set an endpoint in the dashboard.
    assert sorted(each.status or 0 for each in sent) == [0, 200]
    assert (event.event_type, event.status) == ("customer.deleted", "received")
    assert parse_envelope(body_of(event)).origin.api_version == "2024-06-20"
    assert [each.code for each in check.kept("stripe").findings] == ["address_answers", "endpoint_right"]


REFUSED: list[tuple[Json, Json, str]] = [
    ({}, {"url": "card.example.com"}, "is no web address"),
    ({}, {"url": "https://card.example.com:x"}, "is no web address"),
    ({}, {"url": "http://card.example.com"}, "is not https"),
    ({}, {"url": "https://card.example.com/stripe-webhook"}, "leave out the path"),
    ({}, {"url": "https://me:secret@card.example.com"}, "user name or password"),
    ({}, {"url": f"https://{'a' * 250}.example.com"}, "longer than 200"),
    ({"STRIPE_API_BASE": ""}, {"url": "https://localhost:8000"}, "from this machine or network only"),
    ({"STRIPE_API_BASE": ""}, {"url": "https://10.1.2.3"}, "from this machine or network only"),
    ({"STRIPE_API_BASE": ""}, {"url": "https://web.internal"}, "from this machine or network only"),
    ({"STRIPE_API_KEY": ""}, {}, "Set STRIPE_API_KEY first"),
]


@pytest.mark.parametrize(("set_to", "options", "sentence"), REFUSED)
def test_what_cannot_work_is_refused_before_anybody_is_asked(
    sandbox: RunningSandbox, run: Run, set_to: Json, options: Json, sentence: str
) -> None:
    with override_settings(**set_to):
        _out, problem = run("stripe", **options)

    assert sentence in problem
    assert problem.endswith("Nothing was changed.")
    assert "secret@" not in problem
    assert not sandbox.requests.find(method="GET")
    assert not IssuerRegistration.objects.exclude(address="").exists()


def test_events_are_just_those_that_a_handler_acts_on() -> None:
    acted_on = {
        *stripe_updates.AUTHORIZATION_EVENTS,
        *stripe_updates.TRANSACTION_EVENTS,
        *dispatch.CARD_EVENTS,
        *stripe_charges.REFUND_EVENTS,
        *stripe_charges.OTHER_EVENTS,
        *stripe_event_types.GONE_WRONG,
    }
    by_beginning = (DISPUTE_EVENTS, stripe_charges.DISPUTE_EVENTS, *stripe_own_money.EVENTS, "payment_intent.")
    known = {name for name in known_to_stripe() if name.startswith(by_beginning)}
    # Nothing has come of the first two yet (stripe_charges._charged), and the last says nothing of the payout's state.
    known -= {"payment_intent.created", "payment_intent.partially_funded", "payout.reconciliation_completed"}

    assert set(registration.EVENTS) == acted_on | known
    assert set(registration.EVENTS) <= known_to_stripe()
    assert set(registration.events_for("2024-06-20")) == set(registration.EVENTS) - {"refund.failed"}


def known_to_stripe() -> set[str]:
    def literals(hint: Any) -> list[str]:
        inner = typing.get_args(hint)
        return [found for each in inner for found in ([each] if isinstance(each, str) else literals(each))]

    return set(literals(WebhookEndpointCreateParams.__annotations__["enabled_events"]))


def test_the_addresses_are_those_that_we_serve() -> None:
    stripe_doors, marqeta_doors = doors_of("stripe", ""), doors_of("marqeta", "")

    assert stripe_doors.events == reverse("stripe-issuing-webhook")
    assert stripe_doors.also_events == (reverse("stripe-webhook"),)
    assert (marqeta_doors.events, marqeta_doors.decisions) == (reverse("marqeta-webhook"), reverse("marqeta-gateway"))
    assert resolve(SIGN_OF_LIFE).func.__name__ == "live"
