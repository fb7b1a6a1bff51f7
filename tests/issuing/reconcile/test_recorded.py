"""A reconciliation that is asked for: once at a time, by a worker, with a report that names each difference's case."""

import datetime as dt
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import Permission
from django.db import connection
from django.urls import reverse

from audit.models import Entry
from issuing.models import ReconcileFinding, ReconcileRun
from issuing.reconcile import nightly, recorded
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.outbox.models import Message
from tests.issuing.reconcile.books import forget_posting, paid_charge
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from wallet.models import Case

pytestmark = pytest.mark.django_db(transaction=True)
NOW = reverse("admin:issuing_reconcilerun_reconcile_now")


@pytest.fixture(autouse=True)
def books_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compares our own books, which asks nobody outside."""
    monkeypatch.setattr(nightly, "all_that_can_be_made", lambda _listener: iter(nightly.of_books()))


@pytest.fixture
def unposted() -> str:
    """A charge that succeeded an hour ago, and whose posting is gone."""
    charge = paid_charge()
    forget_posting(f"charge:{charge.public_id}")
    long_ago = clock.now() - dt.timedelta(hours=1)
    type(charge).objects.update(finished_at=long_ago)
    return str(charge.public_id)


def asked() -> ReconcileRun:
    return recorded.request(actor="user:7")[0]


def carried_out() -> ReconcileRun:
    run = asked()
    recorded.carry_out(run_id=run.pk)
    run.refresh_from_db()
    return run


def page_of(run: ReconcileRun) -> str:
    return reverse("admin:issuing_reconcilerun_change", args=[run.pk])


def messages_sent() -> int:
    return Message.objects.filter(topic=recorded.TOPIC).count()


def test_a_button_pressed_twice_and_in_two_tabs_asks_for_one() -> None:
    client = logged_in()
    first, second = client.post(NOW), client.post(NOW)

    assert (first.status_code, first["Location"]) == (302, second["Location"])
    at_once([lambda: recorded.request(actor="user:8")] * 4)
    assert ReconcileRun.objects.count() == messages_sent() == 1
    assert Entry.objects.filter(action="reconcile.requested").count() == 1


def test_without_the_permission_there_is_no_button_and_nothing_is_asked() -> None:
    person = UserFactory(is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_reconcilerun"))
    client = logged_in(person)

    assert client.post(NOW).status_code == 403
    assert NOW not in text_of(client.get(reverse("admin:issuing_reconcilerun_changelist")))
    assert not ReconcileRun.objects.exists()


def test_the_report_says_each_difference_in_words_with_its_case(unposted: str) -> None:
    run = carried_out()

    assert (run.status, run.found, run.left, run.problem) == ("finished", 1, 1, "")
    assert run.compared == run.comparisons == len(nightly.of_books())
    case = Case.objects.get(kind="reconciliation", status="open")
    page = text_of(logged_in().get(page_of(run)))
    assert f"{unposted}: succeeded 45.00 USD here, and nothing with the ledger." in page
    assert reverse("admin:wallet_case_change", args=[case.pk]) in page
    assert "1 difference waits for a person" in page
    assert Entry.objects.get(action="reconcile.finished").details == {"found": 1, "differences_left": 1}


def test_a_run_without_differences_says_so_and_does_nothing_again() -> None:
    run = carried_out()

    recorded.carry_out(run_id=run.pk)

    run.refresh_from_db()
    assert (run.status, run.found, run.starts) == ("finished", 0, 1)
    assert "No difference is left." in text_of(logged_in().get(page_of(run)))
    assert not Case.objects.exists()


def test_two_workers_with_one_message_compare_once(unposted: str) -> None:
    run = asked()

    at_once([lambda: recorded.carry_out(run_id=run.pk)] * 3)

    run.refresh_from_db()
    assert (run.status, run.starts, run.found, run.findings.count()) == ("finished", 1, 1, 1)


def test_a_comparison_that_cannot_be_made_is_named_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, unposted: str
) -> None:
    def refuse(comparisons: Any, *args: Any, **options: Any) -> Any:
        if comparisons[0].name == "posted_refunds":
            raise OneCardError("The list was cut short.")
        return reconcile(comparisons, *args, **options)

    reconcile = nightly.reconcile
    monkeypatch.setattr(nightly, "reconcile", refuse)
    run = carried_out()

    assert (run.status, run.found, run.comparisons - run.compared) == ("finished", 1, 1)
    page = text_of(logged_in().get(page_of(run)))
    assert "Not compared: Refunds and the ledger. The list was cut short." in page


def test_a_run_whose_worker_died_is_begun_anew_without_old_findings(
    monkeypatch: pytest.MonkeyPatch, unposted: str
) -> None:
    def die(_listener: Any, _span: Any) -> None:
        ReconcileRun.objects.update(found=5, compared=2)
        raise MemoryError

    run = asked()
    with monkeypatch.context() as patch:
        patch.setattr(nightly, "run_all", die)
        with pytest.raises(MemoryError):
            recorded.carry_out(run_id=run.pk)
    assert recorded.sweep() == [], "its last sign of life is a moment old"
    ReconcileRun.objects.update(updated_at=clock.now() - 2 * recorded.LOST_AFTER)
    assert recorded.sweep() == [run.pk]
    assert recorded.sweep() == [], "the message is on its way"

    recorded.carry_out(run_id=run.pk)

    run.refresh_from_db()
    assert (run.status, run.starts, run.found, run.findings.count()) == ("finished", 2, 1, 1)
    assert messages_sent() == 2


def test_a_run_in_a_workers_hands_is_not_sent_again() -> None:
    run = asked()
    ReconcileRun.objects.update(updated_at=clock.now() - 2 * recorded.LOST_AFTER)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"onecard.reconcile.run:{run.pk}"])
        try:
            assert at_once([recorded.sweep]) == [[]]
            assert at_once([lambda: recorded.carry_out(run_id=run.pk)]) == [None]
        finally:
            cursor.execute("SELECT pg_advisory_unlock_all()")

    run.refresh_from_db()
    assert (run.status, run.starts, messages_sent()) == ("running", 0, 1)


def test_a_run_that_kills_its_workers_fails_with_a_sentence() -> None:
    run = asked()
    ReconcileRun.objects.update(starts=recorded.MOST_STARTS)

    recorded.carry_out(run_id=run.pk)

    run.refresh_from_db()
    assert (run.status, run.problem) == ("failed", "Its worker died 3 times; see its log.")
    assert recorded.request(actor="user:7")[1], "the next one can begin"


def test_a_run_that_takes_too_long_fails_and_keeps_what_it_found(
    monkeypatch: pytest.MonkeyPatch, unposted: str
) -> None:
    def too_long(listener: nightly.Listener, span: Any) -> Any:
        run_all(listener, span)
        raise SoftTimeLimitExceeded

    run_all = nightly.run_all
    monkeypatch.setattr(nightly, "run_all", too_long)
    with pytest.raises(SoftTimeLimitExceeded):
        carried_out()

    run = ReconcileRun.objects.get()
    assert (run.status, run.findings.count(), Case.objects.count()) == ("failed", 1, 1)
    assert "Nothing is concluded from what was not compared" in text_of(logged_in().get(page_of(run)))


def test_progress_is_polled_and_ends_with_the_run(unposted: str) -> None:
    client, run = logged_in(), asked()
    progress = reverse("admin:issuing_reconcilerun_progress", args=[run.pk])
    waiting = text_of(client.get(progress, headers={"X-Polled": "1"}))
    assert "It waits for a worker." in waiting
    assert progress in waiting

    recorded.carry_out(run_id=run.pk)

    ended = client.get(progress, headers={"X-Polled": "1"})
    assert "hx-get" not in text_of(ended)
    assert "1 difference waits for a person" in text_of(ended)
    assert ended["Cache-Control"] == "no-store"
    client.logout()
    away = client.get(progress, headers={"X-Polled": "1"})
    assert (away["HX-Refresh"], away.content) == ("true", b"")


def test_progress_is_for_those_who_may_see_the_run() -> None:
    run = asked()
    progress = reverse("admin:issuing_reconcilerun_progress", args=[run.pk])

    assert logged_in(UserFactory(is_staff=True)).get(progress).status_code == 403
    assert logged_in().get(progress.replace(str(run.pk), "999999")).status_code == 404


def test_many_differences_come_in_pages(monkeypatch: pytest.MonkeyPatch, unposted: str) -> None:
    run = carried_out()
    one = ReconcileFinding.objects.get()
    for _ in range(50):
        one.pk = None
        one.save()

    client = logged_in(superuser())
    assert "Page 1 of 2" in text_of(client.get(page_of(run)))
    assert text_of(client.get(f"{page_of(run)}?page=2")).count('data-label="What differs"') == 1
    assert client.get(f"{page_of(run)}?page=x").status_code == 200


def test_the_night_carries_out_the_run_that_staff_asked_for() -> None:
    run = asked()

    recorded.run_nightly()
    recorded.run_nightly()

    assert list(ReconcileRun.objects.order_by("pk").values_list("requested_by", "status")) == [
        ("user:7", "finished"),
        ("system:reconcile", "finished"),
    ]
    run.refresh_from_db()
    assert run.starts == 1
