"""The Issuers page and its switches, the rollout, the first page's banner, and what administrators are told."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core import mail
from django.urls import reverse

from audit.models import Entry
from issuing.issuers.guard import alerts
from issuing.issuers.guard.breaker import FAILURES, Breaker, Permit, breaker_state, close_breaker
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import IssuerControl, Rollout
from issuing.operations import alarm as issuer_alarm
from issuing.operations import availability
from onecard.outbox.models import Message
from tests.support.back_office import logged_in, send, sentences, superuser, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
REASON = "Maintenance that was announced"
PAGE = "/admin/issuing/issuercontrol/"


@pytest.fixture(autouse=True)
def _closed_breaker() -> Iterator[None]:
    close_breaker("stripe")
    yield
    close_breaker("stripe")


def switch(name: str, provider: str = "stripe") -> str:
    return reverse("admin:issuing_issuercontrol_switch", args=[provider, name])


def press(name: str, client: Any = None, **values: str) -> Any:
    return (client or logged_in()).post(switch(name), {"reason": REASON, **values}, follow=True)


def open_the_breaker() -> None:
    for _ in range(FAILURES):
        Breaker("stripe", shared()).failed(Permit(allowed=True))


def clerk(*codenames: str) -> Any:
    user = UserFactory(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return logged_in(user)


def test_the_page_lists_what_is_configured_and_says_that_all_is_well(settings: Any) -> None:
    settings.STRIPE_CALLS_PER_SECOND = 25
    shown = text_of(logged_in().get(PAGE))

    assert "Stripe Issuing" in shown
    assert "Takes changes" in shown
    assert "Closed: calls go through" in shown
    assert "20 a second" in shown
    assert switch("enter-read-only") in shown
    assert switch("close-breaker") not in shown
    assert "Marqeta" not in shown


def test_both_issuers_show_once_both_are_configured(settings: Any) -> None:
    settings.MARQETA_BASE_URL = "https://example-api.marqeta.com/v3/"

    assert "Marqeta" in text_of(logged_in().get(PAGE))


def test_read_only_is_entered_and_left_with_who_and_why_and_until_when() -> None:
    boss = superuser()
    client = logged_in(boss)

    answer = press("enter-read-only", client, minutes="30")

    assert "is read-only now" in sentences(answer)
    standing = availability.of("stripe")
    assert (standing.by, standing.reason) == ("hand", REASON)
    assert 1790 < standing.retry_after_s <= 1800
    shown = text_of(client.get(PAGE))
    for words in ("Read-only", boss.username, REASON, "UTC", switch("leave-read-only")):
        assert words in shown, words
    press("leave-read-only", client)
    assert not availability.of("stripe").read_only
    told = list(Entry.objects.order_by("pk").values_list("actor", "action", "details__reason"))
    actor = f"user:{boss.pk}"
    assert told == [(actor, "issuer.read_only_entered", REASON), (actor, "issuer.read_only_left", REASON)]


def test_the_fallback_is_forbidden_and_allowed() -> None:
    press("forbid-fallback")
    assert not IssuerControl.objects.get(provider="stripe").fallback_allowed
    assert switch("allow-fallback") in text_of(logged_in().get(PAGE))

    press("allow-fallback")

    assert IssuerControl.objects.get(provider="stripe").fallback_allowed
    assert list(Entry.objects.order_by("pk").values_list("action", flat=True)) == [
        "issuer.fallback_forbidden",
        "issuer.fallback_allowed",
    ]


def test_the_breaker_is_closed_by_hand() -> None:
    open_the_breaker()
    shown = text_of(logged_in().get(PAGE))
    assert "Open: no calls" in shown
    assert "The breaker" in shown

    press("close-breaker")

    assert breaker_state("stripe").state == "closed"
    assert Entry.objects.get().action == "issuer.breaker_closed"


@pytest.mark.parametrize(
    "name", ["enter-read-only", "leave-read-only", "forbid-fallback", "allow-fallback", "close-breaker"]
)
@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_no_switch_without_a_reason(name: str, reason: str) -> None:
    open_the_breaker()

    answer = press(name, reason=reason)

    assert answer.redirect_chain == []
    assert not IssuerControl.objects.exists()
    assert not Entry.objects.exists()
    assert breaker_state("stripe").state == "open"


@pytest.mark.parametrize("minutes", ["0", "-1", "x", "99999999999999999999", "1.5"])
def test_odd_minutes_are_a_sentence(minutes: str) -> None:
    assert press("enter-read-only", minutes=minutes).status_code == 200
    assert not IssuerControl.objects.exists()


def test_switches_need_the_permission_to_change() -> None:
    looking = clerk("view_issuercontrol")

    assert looking.get(PAGE).status_code == 200
    assert switch("enter-read-only") not in text_of(looking.get(PAGE))
    assert press("enter-read-only", looking).status_code == 403
    assert clerk("view_rollout").get(PAGE).status_code == 403
    assert not IssuerControl.objects.exists()
    assert press("enter-read-only", clerk("view_issuercontrol", "change_issuercontrol")).status_code == 200
    assert IssuerControl.objects.exists()


@pytest.mark.parametrize(("provider", "name"), [("stripe", "burn"), ("nobody", "enter-read-only")])
def test_unknown_switches_and_issuers_are_no_page(provider: str, name: str) -> None:
    assert logged_in().post(switch(name, provider), {"reason": REASON}).status_code == 404


def test_the_first_page_warns_those_who_may_know() -> None:
    press("enter-read-only")

    answer = logged_in().get("/admin/")

    assert "Stripe Issuing is read-only by hand: Maintenance that was announced. Purchases go on." in text_of(answer)
    tile = next(tile for tile in answer.context["tiles"] if tile.title == "Issuers")
    assert (tile.value, tile.tone) == ("1 read-only", "bad")
    assert "read-only by hand" not in text_of(clerk("view_authorization").get("/admin/"))


def test_the_first_page_tells_of_an_open_breaker_and_is_quiet_without() -> None:
    assert "oc-problem" not in text_of(logged_in().get("/admin/"))
    open_the_breaker()

    assert "by its breaker, which is open" in text_of(logged_in().get("/admin/"))


def test_turned_away_credentials_reach_the_alerts_and_the_page() -> None:
    alerts.forget()
    issuer_alarm.install()
    shared().run("return redis.call('DEL', KEYS[1])", "stripe:alerted")

    alerts.authentication_failed("stripe", link=shared())
    alerts.authentication_failed("stripe", link=shared())

    assert [message.topic for message in Message.objects.all()] == ["alert.due"]
    entry = Entry.objects.get()
    assert (entry.action, entry.actor) == ("issuer.authentication_failed", "issuer:stripe")
    assert "does not accept our credentials" in text_of(logged_in().get(PAGE))


def test_a_faults_report_with_all_that_its_frames_held_is_not_mailed(settings: Any) -> None:
    settings.ADMINS = [("Ops", "ops@example.com")]
    settings.DEBUG = False

    logging.getLogger("django.request").error("Internal Server Error: %s", "/admin/")

    assert mail.outbox == []


def test_every_process_installs_the_hook_at_its_start() -> None:
    alerts.forget()
    apps.get_app_config("issuing").ready()
    shared().clear()

    alerts.authentication_failed("stripe", link=shared())

    assert Entry.objects.get().action == "issuer.authentication_failed"


def test_the_rollout_is_edited_with_a_trail_and_not_deleted() -> None:
    boss, person = superuser(), UserFactory()
    client = logged_in(boss)
    add = reverse("admin:issuing_rollout_add")
    client.post(add, {"feature": "real_cards", "share_percent": "10", "always_on_for": [person.pk]})
    row = Rollout.objects.get()
    page = reverse("admin:issuing_rollout_change", args=[row.pk])

    answer = send(client, page, share_percent="150")
    assert "100" in sentences(answer)
    send(client, page, share_percent="25", always_on_for=None)

    row.refresh_from_db()
    assert (row.share_percent, list(row.always_on_for.all())) == (25, [])
    changes = [entry.details["changes"] for entry in Entry.objects.order_by("pk")]
    assert {"share_percent": [10, 25]} in changes
    assert {"always_on_for": [[], [str(person)]]} in changes
    assert client.post(reverse("admin:issuing_rollout_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
