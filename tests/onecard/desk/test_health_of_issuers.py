"""The health page's first group: what issuers know of us, and cards, wallets and payments, each in its wrong states."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse
from pytest_django.fixtures import Settings

from issuing import tasks
from issuing.issuers import registry
from issuing.issuers.guard.breaker import close_breaker
from issuing.models import IssuerRegistration
from issuing.registration import check
from issuing.registration.doors import doors_of
from onecard.desk import tasks as desk_tasks
from onecard.desk.health import cards, money, registration
from onecard.desk.health.item import Item
from onecard.desk.models import KeptFigure
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.onecard.admin_pages import purchases
from tests.sandbox.marqeta.world import GATEWAY_SOURCE
from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.stripe.webhook_endpoints import new_endpoint
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import CardholderFactory, FundingMethodFactory, UserFactory, VirtualCardFactory
from tests.support.registrations import ADDRESS, PROGRAM, endpoints, point_to, put_endpoint
from wallet.models import FundingCharge, ProcessorPause

pytestmark = pytest.mark.django_db
HEALTH, WALLETS = reverse("desk:health"), reverse("admin:wallet_cardholder_changelist")
HOUR = dt.timedelta(hours=1)
STRIPE, MARQETA = "Webhook of Stripe Issuing connected", "Webhook of Marqeta connected"
GATEWAY, PRODUCT = "Gateway of Marqeta connected", "Card product of Marqeta"
TUNNEL = "Public address for Stripe Issuing (tunnel)"


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with running_sandbox(webhook_url=None, marqeta=PROGRAM) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox, settings: Settings) -> RunningSandbox:
    served.reset()
    point_to(served, settings)
    return served


def measured(measure: Callable[[], Iterator[Item]]) -> dict[str, Item]:
    return {str(item.name): item for item in measure()}


def connection(name: str) -> tuple[str, str]:
    item = measured(registration.registrations)[name]
    assert item.to_do
    return item.state, item.measured


def test_what_nobody_has_asked_yet_is_not_well(sandbox: RunningSandbox) -> None:
    found = measured(registration.registrations)

    assert {item.state for item in found.values()} == {"warn"}
    assert {item.measured for item in found.values()} == {"It has not been checked yet."}
    assert list(found) == [
        TUNNEL,
        STRIPE,
        "Public address for Marqeta (tunnel)",
        MARQETA,
        GATEWAY,
        PRODUCT,
    ]


def test_each_state_at_stripe_is_shown_until_it_is_put_right(sandbox: RunningSandbox) -> None:
    check.check("stripe")
    assert connection(STRIPE)[0] == "bad"
    right = doors_of("stripe", ADDRESS).events
    endpoint = put_endpoint(sandbox, new_endpoint("https://old.example.com", ["*"], version="2024-06-20"))
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"url": right}, "warn", "has events that nothing here handles: *."),
        ({"enabled_events": ["refund.created"]}, "bad", "lacks events that we need: charge.dispute.closed"),
        ({"status": "disabled"}, "bad", "is disabled, so Stripe reports nothing."),
        ({"api_version": "2020-08-27"}, "bad", "sends API version 2020-08-27, which is not read here"),
    ]
    for change, state, words in wrong:
        endpoint.update(change)
        check.check("stripe")
        assert (connection(STRIPE)[0], words in connection(STRIPE)[1]) == (state, True), change

    call_command("connect_issuer", "stripe")

    assert connection(STRIPE)[0] == "good"
    assert connection(STRIPE)[1].endswith("Checked 0 s ago.")
    assert len(endpoints(sandbox)) == 2


def test_each_part_at_marqeta_is_shown_until_it_is_put_right(sandbox: RunningSandbox) -> None:
    sandbox.marqeta.state.things["cardproduct"]["demo-card-product"]["config"]["jit_funding"] = {}
    check.check("marqeta")
    assert [connection(name)[0] for name in (MARQETA, GATEWAY, PRODUCT)] == ["bad", "bad", "bad"]
    assert "JIT funding is off" in connection(PRODUCT)[1]

    call_command("connect_issuer", "marqeta")
    assert [connection(name)[0] for name in (MARQETA, GATEWAY, PRODUCT)] == ["good", "good", "good"]

    sandbox.marqeta.state.things["gatewaysource"]["one-card-gateway"]["active"] = False
    check.check("marqeta")
    assert [connection(name)[0] for name in (MARQETA, GATEWAY, PRODUCT)] == ["good", "bad", "good"]
    assert GATEWAY_SOURCE not in connection(GATEWAY)[1]


def test_an_issuer_that_is_down_is_said_and_makes_nothing_well(sandbox: RunningSandbox) -> None:
    call_command("connect_issuer", "stripe")
    assert connection(STRIPE)[0] == "good"

    with override_settings(STRIPE_API_BASE="http://127.0.0.1:9"):
        registry.clear()
        check.check_all()
        registry.clear()
        close_breaker("stripe")

    state, words = connection(STRIPE)
    assert state == "warn"
    assert re.search(r"The issuer could not be asked \d+ s ago: The card issuer could not be reached", words)
    check.check("stripe")
    assert connection(STRIPE)[0] == "good"


def test_a_check_that_is_long_ago_is_not_well(sandbox: RunningSandbox) -> None:
    call_command("connect_issuer", "stripe")

    IssuerRegistration.objects.update(checked_at=clock.now() - HOUR)

    assert (connection(STRIPE)[0], connection(STRIPE)[1].endswith("Checked 1 h ago.")) == ("warn", True)


def test_an_address_that_is_silent_from_here_counts_with_deliveries(sandbox: RunningSandbox) -> None:
    check.check("stripe")
    assert connection(TUNNEL)[0] == "bad"
    assert "did not answer from here (ConnectionError)" in connection(TUNNEL)[1]

    stripe_events.post(stripe_events.event("charge.updated", {"id": "ch_1"}))
    assert connection(TUNNEL)[0] == "warn"

    with clock.ahead(2 * HOUR):
        assert connection(TUNNEL)[0] == "bad"


def test_the_page_asks_no_issuer_and_its_button_has_one_asked(sandbox: RunningSandbox) -> None:
    client = logged_in()
    page = text_of(client.get(HEALTH))
    assert "Check Stripe Issuing now" in page
    assert not sandbox.requests.find(method="GET")

    answer = client.post(reverse("desk:check-registration", args=["stripe"]), follow=True)

    assert "The issuer is asked now." in text_of(answer)
    message = Message.objects.get(topic="registration.check_requested")
    assert not sandbox.requests.find(method="GET")
    tasks.check_registration(**message.payload)
    assert "No endpoint at Stripe leads to" in text_of(client.get(HEALTH))
    assert client.post(reverse("desk:check-registration", args=["mock"])).status_code == 404


def test_who_may_see_the_page_but_not_ask_has_no_button(sandbox: RunningSandbox) -> None:
    person = UserFactory(is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_issuercontrol"))
    client = logged_in(person)

    assert "Check Stripe Issuing now" not in text_of(client.get(HEALTH))
    assert client.post(reverse("desk:check-registration", args=["stripe"])).status_code == 403
    assert not Message.objects.exists()


def counted(measure: Callable[[], Iterator[Item]]) -> tuple[str, str]:
    desk_tasks.count_cards()
    (item,) = measure()
    return item.state, item.measured


def test_funding_cards_are_counted_as_each_stands(django_assert_num_queries: Any) -> None:
    assert counted(cards.funding_cards)[0] == "bad"
    now, holder = clock.now(), CardholderFactory()
    years = {"expiry_year": now.year + 3, "expiry_month": 1}
    for number in range(12):
        FundingMethodFactory(cardholder=holder, position=number, **years)
    FundingMethodFactory(cardholder=holder, expiry_year=now.year, expiry_month=now.month)
    assert counted(cards.funding_cards)[0] == "good"
    FundingMethodFactory(cardholder=holder, cooling_until=now + HOUR, **years)
    FundingMethodFactory(cardholder=holder, expiry_year=now.year - 1, expiry_month=1)
    FundingMethodFactory(cardholder=holder, status="disabled", **years)
    FundingMethodFactory(cardholder=CardholderFactory(processor_customer_id=""), **years)

    state, words = counted(cards.funding_cards)

    assert state == "warn"
    assert words.startswith("13 available, of which 1 expire within 30 days; 1 resting after a declined charge, 1 exp")
    assert "2 switched off or gone at the processor. Counted 0 s ago." in words
    with django_assert_num_queries(1):
        list(cards.funding_cards())


def test_the_list_of_wallets_is_filtered_by_how_cards_stand() -> None:
    rests, pays = CardholderFactory(name="Rests Cards"), CardholderFactory(name="Pays Well")
    FundingMethodFactory(cardholder=rests, cooling_until=clock.now() + HOUR)
    FundingMethodFactory(cardholder=pays)
    client = logged_in()

    shown = text_of(client.get(f"{WALLETS}?cards=cooling"))

    assert ("Rests Cards" in shown, "Pays Well" in shown) == (True, False)
    assert "Pays Well" in text_of(client.get(f"{WALLETS}?cards=active"))
    assert client.get(f"{WALLETS}?cards=odd").status_code in (200, 302)


def test_cards_and_wallets_turn_with_what_is_behind_them() -> None:
    assert (counted(cards.virtual_cards)[0], counted(cards.wallets)[0]) == ("warn", "warn")
    card = VirtualCardFactory(status="active")
    assert (counted(cards.virtual_cards)[0], counted(cards.wallets)[0]) == ("good", "bad")

    FundingMethodFactory(cardholder=card.cardholder)
    assert counted(cards.wallets)[0] == "good"
    VirtualCardFactory(status="active")
    assert counted(cards.wallets)[0] == "warn"
    assert counted(cards.wallets)[1].startswith("1 of 2 people with an active card have a funding card that can pay.")

    KeptFigure.objects.update(counted_at=clock.now() - HOUR)
    assert next(cards.virtual_cards()).state == "warn"
    KeptFigure.objects.all().delete()
    assert next(cards.virtual_cards()).measured.startswith("Not counted yet")


def test_payments_turn_with_what_is_overdue_or_refused() -> None:
    assert next(money.payments()).state == "warn"
    purchases(1)
    FundingCharge.objects.update(status="succeeded", finished_at=clock.now())
    assert next(money.payments()).state == "good"

    FundingCharge.objects.update(status="intended", finished_at=None, next_attempt_at=clock.now() - HOUR)
    assert (next(money.payments()).state, "1 is overdue, for 1 h." in next(money.payments()).measured) == ("bad", True)

    FundingCharge.objects.update(status="succeeded", finished_at=clock.now(), next_attempt_at=None)
    ProcessorPause.objects.create(operation="charges", failure_message="No.", since=clock.now(), probe_at=clock.now())
    assert next(money.payments()).state == "bad"
