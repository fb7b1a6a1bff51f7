"""The report of a control: hits and amounts by version and day, in shadow and active, and what its cases were."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.controls import life, report
from issuing.models import ControlVersion
from onecard.kit import clock
from onecard.users.models import User
from tests.onecard.admin_pages import page
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db

RESTAURANTS = {"attribute": "mcc", "operator": "is", "value": "5812"}
HOUR = dt.timedelta(hours=1)


def flagging(*, is_active: bool) -> ControlVersion:
    """A control that flags restaurants: in shadow, or published by another person."""
    author, second = UserFactory(is_staff=True), UserFactory(is_staff=True)
    version = life.create(
        name="Restaurants", definition={"when": [RESTAURANTS], "action": {"kind": "flag"}}, reason_code="restaurants",
        sentence="No.", actor=f"user:{author.pk}",
    )  # fmt: skip
    life.to_shadow(version, actor=version.author)
    return life.activate(version, actor=f"user:{second.pk}") if is_active else version


def buy(card: str, amount: int) -> None:
    asked = stripe_events.authorization_request(card=card, amount=amount)
    assert stripe_events.post(asked).json()["approved"] is True


def member(role: str) -> User:
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def address(version: ControlVersion) -> str:
    return reverse("desk:control-report", args=[version.control_id])


def period() -> dict[str, dt.datetime]:
    return {"since": clock.now() - dt.timedelta(days=2), "until": clock.now() + HOUR}


@pytest.fixture
def client() -> Client:
    return logged_in(member("risk"))


def test_hits_are_counted_by_day_in_shadow_and_active(client: Client) -> None:
    card = walkthrough_card()
    version = flagging(is_active=False)
    buy(card.issuer_card_id, 4_500)
    buy(card.issuer_card_id, 1_000)
    life.activate(version, actor=f"user:{UserFactory(is_staff=True).pk}")
    buy(card.issuer_card_id, 700)

    lines = report.of_version(version, **period())
    assert [(each.in_shadow, each.hits, each.amounts_minor) for each in lines] == [
        (True, 2, {"USD": 5_500}), (False, 1, {"USD": 700})
    ]  # fmt: skip
    now = clock.now()
    assert report.recent_hits([version.control_id], today=now - HOUR, week=now - HOUR) == {version.control_id: (3, 3)}
    text = text_of(client.get(address(version)))
    assert "<svg" in text
    assert "55.00 USD" in text
    assert "Approve, and open a case" in text
    assert text.count("Starbucks Coffee") >= 3
    assert "3" in text_of(client.get(page(type(version.control), "changelist")))


def test_a_case_with_its_outcome_counts_as_confirmed_or_not(client: Client) -> None:
    version = flagging(is_active=True)
    for outcome in ("fraud", "false_positive"):
        buy(walkthrough_card().issuer_card_id, 900)
        case = Case.objects.latest("pk")
        Case.objects.filter(pk=case.pk).update(status="resolved", outcome=outcome, resolved_at=clock.now())
    buy(walkthrough_card().issuer_card_id, 800)

    (line,) = report.of_version(version, **period())
    assert (line.hits, line.confirmed, line.false_positives, line.open_cases) == (3, 1, 1, 1)
    assert line.precision_percent == 50
    assert "50 %" in text_of(client.get(address(version)))


def test_the_file_has_a_line_for_each_day_and_stands_in_the_trail(client: Client) -> None:
    version = flagging(is_active=False)
    buy(walkthrough_card().issuer_card_id, 4_500)

    answer = client.post(reverse("desk:control-report-file", args=[version.control_id]), {"days": "7"})

    lines = b"".join(answer).decode("utf-8-sig").splitlines()  # type: ignore[arg-type]
    assert lines[0].startswith("Version,Day (UTC),State,Hits,Currency,Amount in minor units")
    assert lines[1] == f"1,{clock.now():%Y-%m-%d},shadow,1,USD,4500,0,0,0"
    assert Entry.objects.get(action="list.exported").details["query"] == f"control={version.control_id}"
    auditor = logged_in(member("auditor"))
    assert auditor.post(reverse("desk:control-report-file", args=[version.control_id])).status_code == 403
    assert auditor.get(address(version)).status_code == 200


def test_a_control_without_hits_says_what_to_do(client: Client) -> None:
    version = flagging(is_active=False)

    assert "No hit in this period." in text_of(client.get(address(version)))
    assert client.get(f"{address(version)}?version=9").status_code == 404
    assert client.get(f"{address(version)}?version=1&days=x").status_code == 200
    assert client.get(reverse("desk:control-report", args=[version.control_id + 999])).status_code == 404
