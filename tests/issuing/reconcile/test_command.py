"""`manage.py reconcile`: its arguments, its three formats and its exit statuses; and the nightly run."""

import csv
import datetime as dt
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from issuing.issuers import registry
from issuing.models import ReconcileRun
from issuing.reconcile import nightly, recorded
from issuing.reconcile.window import LENGTH, window
from onecard.desk.home import books
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.issuing.reconcile.conftest import Result, a_second_passes
from tests.journeys.two_issuers import Side, settle
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in, text_of
from tests.support.factories import VirtualCardFactory
from tests.support.threads import at_once
from wallet.models import Case

pytestmark = pytest.mark.django_db(transaction=True)
COLUMNS = [
    "class", "comparison", "key", "here", "there", "happened_at", "age_days", "case", "case_opened_at", "became"
]  # fmt: skip


@pytest.fixture
def lost_capture(both: RunningSandbox, at_stripe: Side) -> Side:
    at_stripe.buy(4500)
    settle(both)
    both.order(webhook="*", do="drop", times=50)
    at_stripe.capture(4500, final=True)
    a_second_passes()
    return at_stripe


def printed(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since=yesterday"], "--since is 'yesterday'; write it like 2026-11-01"),
        (["--until=2026-13-01"], "--until is '2026-13-01'"),
        (["--since=2999-01-01"], "--since lies in the future"),
        (["--since=0001-01-01"], "--since lies before 2000"),
        (["--since=2026-11-02", "--until=2026-11-01"], "--since must be before --until"),
        (["--provider=nobody"], "invalid choice: 'nobody'"),
        (["--format=xml"], "invalid choice: 'xml'"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says.replace("(", r"\(")) as caught:
        call_command("reconcile", *arguments)

    assert caught.value.returncode in (1, 2)
    assert not Case.objects.exists()


def test_the_window_is_35_days_and_leaves_out_the_last_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    span = window()

    assert span.until == span.now - dt.timedelta(minutes=15)
    assert span.since == span.until - LENGTH == span.until - dt.timedelta(days=35)
    assert window(until=clock.now()).until < clock.now() - dt.timedelta(minutes=14)


@pytest.mark.only_in_proofs
def test_the_three_formats_say_the_same(lost_capture: Side) -> None:
    status, table = printed()
    as_json = json.loads(printed("--format=json")[1])
    head, *rows = csv.reader(StringIO(printed("--format=csv")[1]))

    assert status == 1
    assert (as_json["left"], as_json["repaired"], as_json["found"]) == (2, 0, {"missing_here": 1, "amount": 1})
    found, whole = as_json["differences"]
    assert whole["comparison"] == "at_the_issuer.stripe", "what one movement lacks, the whole balance lacks"
    assert set(found) == set(head) == set(COLUMNS)
    assert [dict(zip(head, rows[0], strict=True))[name] for name in ("class", "key", "here", "there")] == [
        found[name] for name in ("class", "key", "here", "there")
    ]
    assert (found["here"], found["there"], found["age_days"]) == ("nothing", "settlement 45.00 USD", 0)
    for part in ("missing_here", "transactions.stripe", found["key"], f"#{found['case']}", "2 left"):
        assert part in table


def test_an_issuers_text_is_no_formula_in_a_spreadsheet(lost_capture: Side) -> None:
    from issuing.models import CardTransaction

    now = clock.now()
    CardTransaction.objects.create(
        provider="stripe",
        issuer_transaction_id='=HYPERLINK("x")',
        transaction_type="settlement",
        processing_status="settled",
        amount_minor=1,
        currency="USD",
        source="webhook",
        occurred_at=now,
        recorded_at=now,
    )

    assert "'=HYPERLINK" in printed("--format=csv")[1]


@pytest.mark.only_in_proofs
def test_what_it_found_stays_as_a_report_whose_address_it_says(
    lost_capture: Side, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    settings.PUBLIC_URL = "https://office.example"
    status, _table = printed("--fix", "--provider=stripe")

    run = ReconcileRun.objects.get()
    page = reverse("admin:issuing_reconcilerun_change", args=[run.pk])
    assert capsys.readouterr().err == f"Report: https://office.example{page}\n"
    assert (status, run.status, run.found, run.repaired, run.left) == (0, "finished", 1, 1, 0)
    assert run.compared == run.comparisons == len(nightly.taking_part("stripe"))
    assert (run.provider, run.is_whole, run.is_by_command) == ("stripe", False, True)
    shown = text_of(logged_in().get(page))
    for part in ("manage.py reconcile", "Stripe and our own books only", "No difference is left."):
        assert part in shown
    assert books.last_reconciliation() is None, "it says nothing of what it did not compare"


@pytest.mark.only_in_proofs
def test_a_list_that_cannot_be_read_is_a_report_that_failed(both: RunningSandbox, lost_capture: Side) -> None:
    both.order(method="GET", path="/v1/refunds", do="error_500", times=50)

    assert printed("--format=json")[0] == 2

    run = ReconcileRun.objects.get()
    assert (run.status, run.is_whole, run.findings.count()) == ("failed", True, 1)
    assert run.compared < run.comparisons
    assert run.problem
    both.release()


def test_an_interrupted_command_leaves_a_report_that_says_so(
    lost_capture: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nightly, "reconcile", interrupt)

    assert printed()[0] == 130
    run = ReconcileRun.objects.get()
    assert (run.status, run.problem) == ("failed", "It was interrupted; what it found so far has its case.")


def test_a_run_that_a_worker_has_is_not_made_a_second_time(both: RunningSandbox, at_stripe: Side) -> None:
    run, _is_new = recorded.request(actor="user:7")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"onecard.reconcile.run:{run.pk}"])
        try:
            assert at_once([lambda: printed()[0]]) == [2]
        finally:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    run.refresh_from_db()
    assert (run.status, run.starts, ReconcileRun.objects.count()) == ("running", 0, 1)


def test_a_run_that_waits_for_a_worker_is_taken_over_by_a_whole_one(both: RunningSandbox, at_stripe: Side) -> None:
    run, _is_new = recorded.request(actor="user:7")

    assert printed("--provider=stripe")[0] == 2, "who asked for it wants more"
    assert printed()[0] == 0

    run.refresh_from_db()
    assert (run.status, run.is_by_command, ReconcileRun.objects.count()) == ("finished", True, 1)
    recorded.carry_out(run_id=run.pk)
    run.refresh_from_db()
    assert run.starts == 1, "the worker's message finds it done"


def test_the_run_of_a_command_that_died_fails_and_is_not_done_anew() -> None:
    run = ReconcileRun.objects.create(
        requested_by=recorded.COMMAND,
        is_by_command=True,
        requested_at=clock.now(),
        updated_at=clock.now() - 2 * recorded.LOST_AFTER,
    )

    assert recorded.sweep() == []

    run.refresh_from_db()
    assert (run.status, run.problem) == ("failed", "Its command has ended; what it found so far is a case.")
    assert not Message.objects.filter(topic=recorded.TOPIC).exists()


def test_nothing_found_is_said_and_ends_with_0(both: RunningSandbox, at_stripe: Side) -> None:
    assert printed("--format=csv")[1].splitlines() == [",".join(COLUMNS)]
    status, table = printed()
    assert (status, "0 differences, 0 repaired, 0 left" in table) == (0, True)
    assert json.loads(printed("--format=json")[1])["differences"] == []


@pytest.mark.only_in_proofs
def test_one_provider_leaves_the_others_alone(
    both: RunningSandbox, lost_capture: Side, reconcile: Callable[..., Result]
) -> None:
    before = len(both.requests.find())

    assert reconcile("--provider=marqeta").status == 0
    assert len(both.requests.find()) == before, "no card is at Marqeta, so nobody was asked"
    assert reconcile("--provider=stripe").status == 1


def test_the_same_comparison_elsewhere_is_waited_for(both: RunningSandbox, at_stripe: Side) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('onecard.reconcile:charges.stripe', 0))")
        try:
            assert at_once([lambda: printed("--format=json")[0]]) == [2]
        finally:
            cursor.execute("SELECT pg_advisory_unlock_all()")


@pytest.mark.only_in_proofs
def test_the_nightly_run_goes_on_when_one_side_is_down(both: RunningSandbox, lost_capture: Side) -> None:
    both.order(method="GET", path="/v1/refunds", do="error_500", times=50)

    reports = nightly.run_all()

    assert len(reports) == len(nightly.taking_part()) - 1
    assert sum(report.left for report in reports) == 2, "the movement, and the balance that lacks it"
    assert sum(report.repaired for report in reports) == 0, "nobody repairs at night"
    assert list(Case.objects.filter(kind="reconciliation").values_list("status", flat=True)) == ["open", "open"]
    both.release()


def test_an_issuer_without_settings_does_not_stop_comparing_the_others(
    both: RunningSandbox, lost_capture: Side, settings: Any
) -> None:
    VirtualCardFactory(issuer_provider="marqeta", issuer_card_id="of-last-year")
    settings.MARQETA_APPLICATION_TOKEN = ""
    registry.clear()
    with pytest.raises(ImproperlyConfigured):
        nightly.taking_part()

    reports = nightly.run_all()

    assert len(reports) == len(nightly.taking_part("stripe"))
    assert sum(report.left for report in reports) == 2, "the movement, and the balance that lacks it"
