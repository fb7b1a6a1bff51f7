"""The live page: what is new comes by itself and is said, within the filters; nothing is written anew without cause."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from issuing.models import Authorization
from onecard.desk.live.rows import Filters, newest_decisions
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card
from wallet import cases

pytestmark = pytest.mark.django_db
LIVE, ROWS = reverse("desk:live"), reverse("desk:live-rows")


def buy(amount: int = 4500) -> None:
    card = walkthrough_card()
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=amount))


def decline_by_issuer() -> None:
    now = clock.now()
    times = {"created_at": now, "updated_at": now}
    Authorization.objects.create(
        provider="stripe",
        issuer_authorization_id="iauth_alone",
        status="declined",
        issuer_reason="spending_controls",
        declined_minor=90_000,
        currency="USD",
        **times,
    )


def hidden(page: str) -> dict[str, str]:
    """What the page sends with its next poll."""
    return dict(re.findall(r'<input type="hidden" name="(state|shown)" value="([^"]*)">', page))


def polled(client: Client, sent: dict[str, str]) -> Any:
    return client.get(ROWS, sent, headers={"X-Polled": "1", "HX-Request": "true"})


def test_a_new_decision_and_a_new_case_come_and_are_said() -> None:
    buy()
    client = logged_in()
    sent = hidden(client.get(LIVE).content.decode())
    assert polled(client, sent).status_code == 204, "nothing is new"

    buy(10_000_000)
    with transaction():
        cases.open_case(kind="dispute", reference="authorization:1", money=Money(500, "USD"), summary="A dispute.")
    answer = polled(client, sent)

    shown = text_of(answer)
    assert "1 new decision. Declined by us: " in shown
    assert "100,000.00 USD. 1 new case." in shown
    assert 'id="live-news" class="oc-read-only" role="status" aria-live="polite" hx-swap-oob' in shown
    assert shown.count('class="oc-new"') == 2
    assert "A purchase is disputed" in shown
    assert "More than the limit for one purchase." in shown
    assert polled(client, hidden(answer.content.decode())).status_code == 204


def test_a_case_that_is_resolved_changes_its_line_and_is_no_news() -> None:
    with transaction():
        case = cases.open_case(kind="dispute", reference="authorization:1", money=Money(5, "USD"), summary="One.")
    client = logged_in()
    sent = hidden(client.get(LIVE).content.decode())

    with transaction():
        cases.resolve_cases(reference=case.reference, kinds=(case.kind,))
    shown = text_of(polled(client, sent))

    assert "Resolved" in shown
    assert "new case" not in shown


def test_filters_select_issuer_outcome_and_amount() -> None:
    buy()
    buy(10_000_000)
    decline_by_issuer()

    def found(**filters: Any) -> list[tuple[str, int]]:
        return sorted((row.outcome, row.amount_minor) for row in newest_decisions(Filters(**filters)))

    approved, ours, issuers = ("approved", 4500), ("declined", 10_000_000), ("declined_by_issuer", 90_000)
    assert found() == [approved, ours, issuers]
    assert found(outcome="approved") == [approved]
    assert found(outcome="declined_by_issuer") == [issuers]
    assert found(at_least=Decimal("900.00")) == [ours, issuers]
    assert found(at_least=Decimal("900.01")) == [ours]
    assert found(provider="marqeta") == []
    page = text_of(logged_in().get(f"{LIVE}?outcome=approved&at_least=1,000.00"))
    assert "No decision fits." in page


def test_a_filter_that_means_nothing_is_said_and_filters_nothing() -> None:
    buy()

    page = text_of(logged_in().get(f"{LIVE}?at_least=a+lot&outcome=x&provider=y&shown={'z' * 5000}"))

    assert "is not an amount of USD" in page
    assert "45.00 USD" in page


def test_each_person_sees_their_rooms_only() -> None:
    buy()
    nobody, clerk = UserFactory(is_staff=True), UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_case"))

    assert [logged_in(nobody).get(url).status_code for url in (LIVE, ROWS)] == [403, 403]
    page = text_of(logged_in(clerk).get(LIVE))
    assert "Cases opened last" in page
    assert "45.00 USD" not in page
    away = Client().get(ROWS, headers={"X-Polled": "1"})
    assert (away["HX-Refresh"], away.content) == ("true", b"")


def test_nobody_is_written_to_by_a_poll() -> None:
    client = logged_in()

    assert [client.post(url).status_code for url in (LIVE, ROWS)] == [405, 405]
