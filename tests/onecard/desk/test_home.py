"""The home page: its numbers lead to exactly the rows that they count, and it says what is not counted or not well."""

import datetime as dt
import html
import itertools
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from issuing.models import Authorization, DecisionHour, ReconcileRun
from issuing.operations import hourly_sums
from onecard.desk import kept_figures, tasks
from onecard.desk.home import periods
from onecard.kit import clock
from tests.onecard.admin_pages import purchases
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingCharge

pytestmark = pytest.mark.django_db


@pytest.fixture
def bought() -> None:
    """Two approved purchases, two declined by us and one by the issuer, a day before a chart's edge at most."""
    card = walkthrough_card()
    purchases(2, card=card)
    for _ in range(2):
        stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=10_000_000))
    now = clock.now()
    Authorization.objects.create(
        provider="stripe",
        issuer_authorization_id="iauth_by_issuer",
        status="declined",
        issuer_reason="spending_controls",
        currency="USD",
        declined_minor=700,
        created_at=now,
        updated_at=now,
    )
    hourly_sums.refresh()


def listed(client: Client, url: str) -> list[Any]:
    return list(client.get(html.unescape(url)).context["cl"].result_list)


def test_each_number_of_the_charts_leads_to_the_rows_that_it_counts(bought: None) -> None:
    client = logged_in()
    home = client.get("/admin/").context["home"]

    counted = [cell for row in home["purchases"]["table"] for cell in row["cells"] if cell["count"]]
    assert sum(cell["count"] for cell in counted) == Authorization.objects.count()
    for cell in counted:
        assert len(listed(client, cell["page"])) == cell["count"], cell
    assert [(each["reason"], each["count"]) for each in home["purchases"]["reasons"]] == [
        ("per_transaction_limit_exceeded", 2),
        ("spending_controls", 1),
    ]
    for each in home["purchases"]["reasons"]:
        assert len(listed(client, each["page"])) == each["count"], each


def test_tiles_and_cases_lead_to_the_rows_that_they_count(bought: None) -> None:
    client = logged_in()
    now = clock.now()
    Case.objects.filter(pk=Case.objects.earliest("pk").pk).update(opened_at=now - dt.timedelta(days=5))
    context = client.get("/admin/").context

    for title in ("Approved today", "Declined by us today", "Declined by the issuer today"):
        tile = next(each for each in context["tiles"] if each.title == title)
        assert len(listed(client, tile.page)) == int(tile.value), title
    ages, kinds = context["home"]["cases"]["ages"], context["home"]["cases"]["kinds"]
    assert [row["count"] for row in ages] == [1, 0, 1, 0]
    for row in [*ages, *kinds]:
        assert len(listed(client, row["page"])) == row["count"], row


def test_the_page_has_the_charts_as_pictures_with_words_and_as_tables(bought: None) -> None:
    page = text_of(logged_in().get("/admin/"))

    assert 'role="img" aria-label="6 purchases in 24 hours, by outcome.' in page
    assert "Purchases as a table" in page
    assert "Decision times as a table" in page
    assert "More than the limit for one purchase." in page
    assert re.search(r"99 % up to \d+ ms", page)
    assert "None was too late" in page


def test_a_period_ends_with_this_hour_and_has_no_gap(bought: None) -> None:
    client = logged_in()
    for name in ("day", "week", "month", "x", ""):
        slots = periods.chosen(name).slots_until_now()
        assert slots[-1].since <= clock.now() < slots[-1].until
        assert all(earlier.until == later.since for earlier, later in itertools.pairwise(slots))
        home = client.get(f"/admin/?period={name}").context["home"]
        assert home["purchases"]["total"] == Authorization.objects.count()


def test_numbers_that_nobody_counts_any_more_are_said_to_be_old() -> None:
    hourly_sums.refresh()
    assert "no worker counts" not in text_of(logged_in().get("/admin/"))
    DecisionHour.objects.update(counted_at=clock.now() - dt.timedelta(hours=2))

    assert "These numbers are 2 h old: no worker counts." in text_of(logged_in().get("/admin/"))


def test_money_is_said_not_to_be_counted_before_it_is() -> None:
    purchases(2)
    assert "Not counted yet" in text_of(logged_in().get("/admin/"))

    tasks.count_figures()
    tasks.count_figures()

    after = text_of(logged_in().get("/admin/"))
    assert "Not counted yet" not in after
    balances = {row["account"]: row["balance_minor"] for row in kept_figures.read(kept_figures.BALANCES)[0] or []}
    assert balances["issuer"] == -200
    assert "-2.00 USD" in after
    assert "Rewards this month, USD" in after


def test_unknown_charges_have_their_age_and_their_list() -> None:
    purchases(1)
    charge = FundingCharge.objects.latest("pk")
    sent_at = clock.now() - dt.timedelta(minutes=7)
    FundingCharge.objects.filter(pk=charge.pk).update(status="unknown", first_sent_at=sent_at, finished_at=None)
    client = logged_in()
    answer = client.get("/admin/")

    assert "the oldest for 7 min" in text_of(answer)
    assert listed(client, answer.context["home"]["unknown"]["page"]) == [charge]


def test_the_last_reconciliation_is_said_with_its_difference() -> None:
    now, client = clock.now(), logged_in()
    times = {"requested_at": now, "updated_at": now, "finished_at": now}
    ended = ReconcileRun.objects.create(requested_by="system:reconcile", status="finished", **times)
    ReconcileRun.objects.create(requested_by="user:1", **times)
    states: list[tuple[dict[str, Any], str]] = [
        ({}, "No difference"),
        ({"left": 2}, "2 differences"),
        ({"left": 0, "comparisons": 8, "compared": 7}, "1 comparison not done"),
        ({"status": "failed"}, "Failed"),
    ]
    for changes, words in states:
        ReconcileRun.objects.filter(pk=ended.pk).update(**changes)
        assert words in text_of(client.get("/admin/"))


def test_an_empty_home_page_says_what_will_come() -> None:
    page = text_of(logged_in().get("/admin/"))

    for words in ("None yet; it runs every night.", "No purchase in this period.", "Nothing needs a person."):
        assert words in page


def test_a_person_sees_the_sections_of_their_rooms_only() -> None:
    person = UserFactory(is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_case"))

    home = logged_in(person).get("/admin/").context["home"]

    assert set(home) == {"cases"}
