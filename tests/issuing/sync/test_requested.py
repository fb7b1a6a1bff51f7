"""A sync that staff ask for: safe to press twice, carried on by workers, with its progress on a page."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from pytest_django.fixtures import Settings

from audit.models import Entry
from issuing import tasks
from issuing.issuers import registry
from issuing.models import SyncRun
from issuing.sync import run as sync
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.issuing.issuers.worlds import World
from tests.issuing.sync.conftest import active_card
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
NOW = reverse("admin:issuing_syncrun_sync_now")


def page_of(run: SyncRun) -> str:
    return reverse("admin:issuing_syncrun_change", args=[run.pk])


@pytest.fixture
def one_world(settings: Settings) -> str:
    settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER = "stripe", ""
    return "stripe"


def test_pressed_twice_and_in_two_tabs_it_is_one_sync(one_world: str) -> None:
    client = logged_in()
    first, second = (client.post(NOW, {"provider": one_world}) for _ in range(2))

    assert first.status_code == 302
    assert first["Location"] == second["Location"]
    at_once([lambda: sync.request(one_world, actor="user:8")] * 4)
    assert SyncRun.objects.count() == Message.objects.filter(topic="sync.requested").count() == 1
    assert Entry.objects.filter(action="sync.requested").count() == 1


def test_an_issuer_that_is_not_ours_is_no_choice(one_world: str) -> None:
    page = logged_in().post(NOW, {"provider": "mock"})

    assert page.status_code == 200
    assert "Select a valid choice" in text_of(page)
    assert not SyncRun.objects.exists()
    with pytest.raises(sync.SyncBusyError):
        sync.request("mock", actor="user:8")


def test_without_the_permission_nothing_is_asked(one_world: str) -> None:
    person = UserFactory(is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_syncrun"))
    client = logged_in(person)

    assert client.post(NOW, {"provider": one_world}).status_code == 403
    assert NOW not in text_of(client.get(reverse("admin:issuing_syncrun_changelist")))
    assert not SyncRun.objects.exists()


def test_a_worker_carries_it_out_and_the_page_says_the_end(world: World) -> None:
    provider = world.issuer.provider
    if provider == "mock":
        assert provider not in sync.used_providers()
        return
    active_card(world)
    run, _is_new = sync.request(provider, actor="user:7")
    client = logged_in()
    assert "Step 1 of 4: Missed events." in text_of(client.get(page_of(run)))

    tasks.sync_requested(run_id=run.pk)
    tasks.sync_requested(run_id=run.pk)

    run.refresh_from_db()
    assert (run.status, run.requested_by, run.cards_seen) == ("finished", "user:7", 1)
    progress = client.get(reverse("admin:issuing_syncrun_progress", args=[run.pk]))
    assert "Finished" in text_of(progress)
    assert "hx-get" not in text_of(progress)
    assert SyncRun.objects.count() == 1


def test_an_issuer_that_is_not_configured_is_said_on_the_page(one_world: str, settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    registry.clear()
    run, _is_new = sync.request(one_world, actor="user:7")

    tasks.sync_requested(run_id=run.pk)

    run.refresh_from_db()
    assert run.status == "running"
    assert run.problem
    page = text_of(logged_in().get(page_of(run)))
    assert "It is tried again each minute." in page
    assert one_world in sync.due_providers(clock.now()), "the minute's task goes on with it"
    registry.clear()


def test_progress_is_for_those_who_may_see_it(one_world: str) -> None:
    run, _is_new = sync.request(one_world, actor="user:7")
    progress = reverse("admin:issuing_syncrun_progress", args=[run.pk])

    assert logged_in(UserFactory(is_staff=True)).get(progress).status_code == 403
    assert logged_in().get(progress.replace(str(run.pk), "999999")).status_code == 404
