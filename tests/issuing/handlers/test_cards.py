"""A card event from an issuer starts a comparison with the issuer. Its content is never believed."""

import datetime as dt
from typing import Any

import pytest

from issuing import tasks
from issuing.cards import due_comparisons
from issuing.handlers import cards as card_updates
from issuing.handlers import dispatch
from issuing.issuers import errors, registry
from issuing.issuers.base import CardOrder, IssuerError, Limits
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import Decision, IssuerAccount, IssuerEvent, VirtualCard
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.support.factories import CardholderFactory, VirtualCardFactory
from tests.support.marqeta_events import ask, gateway_request, report
from tests.support.stripe_events import authorization_request, event, post
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["stripe", "marqeta"])
def issuer(request: pytest.FixtureRequest) -> Any:
    registry.clear()
    played = MockIssuer(provider=request.param)
    registry.install(played)
    yield played
    registry.clear()


def known_card(issuer: MockIssuer, status: str = "active") -> VirtualCard:
    holder = CardholderFactory()
    account = IssuerAccount.objects.create(
        cardholder=holder, provider=issuer.provider, issuer_cardholder_id=f"holder-{holder.pk}"
    )
    issuer.cardholders[account.issuer_cardholder_id] = None  # type: ignore[assignment]
    order = CardOrder(account.issuer_cardholder_id, "visa", "USD", Limits(50_000, 100_000, 500_000))
    made = issuer.create_card(order, key=f"key-{holder.pk}")
    issuer.update_card_status(made.issuer_card_id, status, reason="", key=f"move-{holder.pk}")
    return VirtualCardFactory(
        cardholder=holder,
        issuer_provider=issuer.provider,
        issuer_card_id=made.issuer_card_id,
        last_four=made.last_four,
        expiry_month=made.expiry_month,
        expiry_year=made.expiry_year,
        status=status,
    )


def deliver_card_update(issuer: MockIssuer, card_id: str, status: str, *, at: dt.datetime | None = None) -> str:
    """Delivers the news through the issuer's own door, lets a worker handle it, and gives what became of it."""
    happened_at = at or clock.now()
    if issuer.provider == "stripe":
        word = {"active": "active", "frozen": "inactive", "closed": "canceled"}[status]
        content = {
            "id": card_id,
            "status": word,
            "last4": "1111",
            "exp_month": 1,
            "exp_year": 2030,
            "currency": "usd",
            "metadata": {"one_card_status": status},
        }
        told = event("issuing_card.updated", content, created=int(happened_at.timestamp()))
        assert post(told).status_code == 200
    else:
        word = {"active": "ACTIVE", "frozen": "SUSPENDED", "closed": "TERMINATED"}[status]
        row = {"token": f"t-{IssuerEvent.objects.count()}", "card_token": card_id, "state": word, "type": "state.x"}
        row["created_time"] = happened_at.isoformat()
        assert marqeta({"cardtransitions": [row]}) == 200
    return handle_last()


def deliver_holder_update(issuer: MockIssuer, holder_id: str) -> str:
    if issuer.provider == "stripe":
        assert post(event("issuing_cardholder.updated", {"id": holder_id, "status": "inactive"})).status_code == 200
    else:
        row = {"token": "ut-1", "user_token": holder_id, "status": "SUSPENDED", "type": "state.x"}
        assert marqeta({"usertransitions": [row]}) == 200
    return handle_last()


def marqeta(body: dict[str, Any]) -> int:
    status: int = report(body).status_code
    return status


def handle_last() -> str:
    stored = IssuerEvent.objects.order_by("pk").last()
    assert stored is not None
    return dispatch.handle(event_pk=stored.pk)


def asked_to_compare() -> list[int]:
    return [message.payload["card_id"] for message in Message.objects.filter(topic="card.sync_requested")]


def work() -> None:
    for card_id in asked_to_compare():
        tasks.sync_card(card_id=card_id)


@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_a_card_that_the_issuer_stopped_is_stopped_here(issuer: MockIssuer, status: str) -> None:
    card = known_card(issuer)
    issuer.update_card_status(card.issuer_card_id, status, reason="Fraud", key="by-staff")

    assert deliver_card_update(issuer, card.issuer_card_id, status) == "handled"
    work()

    card.refresh_from_db()
    assert card.status == status


def test_a_late_event_of_an_earlier_state_changes_nothing(issuer: MockIssuer) -> None:
    card = known_card(issuer)

    assert deliver_card_update(issuer, card.issuer_card_id, "frozen") == "handled"
    assert asked_to_compare() == [card.pk]
    work()

    card.refresh_from_db()
    assert card.status == "active", "the issuer says active when it is asked"


def test_an_event_cannot_make_a_card_usable(issuer: MockIssuer) -> None:
    card = known_card(issuer, "frozen")
    issuer.update_card_status(card.issuer_card_id, "active", reason="", key="by-staff")

    deliver_card_update(issuer, card.issuer_card_id, "active")
    work()

    card.refresh_from_db()
    assert card.status == "frozen"


def test_the_echo_of_a_marqeta_move_that_says_what_we_hold_asks_nothing() -> None:
    registry.clear()
    issuer = MockIssuer(provider="marqeta")
    card = known_card(issuer)
    assert deliver_card_update(issuer, card.issuer_card_id, "active") == "handled"
    assert asked_to_compare() == []


def test_an_event_of_a_card_that_is_not_ours_is_kept(issuer: MockIssuer) -> None:
    assert deliver_card_update(issuer, "somebody-elses", "frozen") == "kept"
    assert deliver_holder_update(issuer, "somebody") == "kept"
    assert asked_to_compare() == []


def test_an_event_of_a_holder_compares_each_of_their_cards(issuer: MockIssuer) -> None:
    card = known_card(issuer)
    other = VirtualCardFactory(cardholder=card.cardholder, issuer_provider=issuer.provider, status="frozen")
    VirtualCardFactory(cardholder=card.cardholder, issuer_provider=issuer.provider, status="closed")
    account = IssuerAccount.objects.get()

    assert deliver_holder_update(issuer, account.issuer_cardholder_id) == "handled"

    assert sorted(asked_to_compare()) == [card.pk, other.pk]


def test_the_echo_of_a_stripe_card_that_says_what_we_hold_asks_nothing() -> None:
    registry.clear()
    issuer = MockIssuer(provider="stripe")
    card = known_card(issuer)
    content = {
        "id": card.issuer_card_id,
        "status": "active",
        "last4": card.last_four,
        "exp_month": card.expiry_month,
        "exp_year": card.expiry_year,
        "currency": "usd",
        "spending_controls": {
            "spending_limits": [
                {"amount": card.per_transaction_limit_minor, "interval": "per_authorization"},
                {"amount": card.daily_limit_minor, "interval": "daily"},
                {"amount": card.monthly_limit_minor, "interval": "monthly"},
            ]
        },
    }
    assert post(event("issuing_card.updated", content)).status_code == 200
    assert handle_last() == "handled"
    assert asked_to_compare() == []
    content["spending_controls"] = {"spending_limits": []}
    assert post(event("issuing_card.updated", content)).status_code == 200
    handle_last()
    assert asked_to_compare() == [card.pk]


def test_an_update_outside_a_transaction_is_refused() -> None:
    from onecard.kit.transactions import TransactionError

    with pytest.raises(TransactionError):
        card_updates.apply(IssuerEvent())


def unreachable(issuer: MockIssuer, times: int) -> None:
    issuer.fail(Failure("get_card_details", errors.no_answer, times=times))


def buys(card: VirtualCard) -> tuple[bool, str]:
    """Whether a purchase is approved now, and the reason if it is not."""
    if card.issuer_provider == "marqeta":
        answered = ask(gateway_request(card=card.issuer_card_id)).status_code == 200
    else:
        answered = post(authorization_request(card=card.issuer_card_id)).json()["approved"]
    return answered, Decision.objects.latest("pk").decline_reason


@pytest.fixture
def shopper(issuer: MockIssuer) -> VirtualCard:
    """A card that can buy, at either issuer."""
    card = walkthrough_card(issuer_provider=issuer.provider, issuer_card_id="", status="pending")
    IssuerAccount.objects.create(cardholder=card.cardholder, provider=issuer.provider, issuer_cardholder_id="holder")
    issuer.cardholders["holder"] = None  # type: ignore[assignment]
    limits = Limits(card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor)
    made = issuer.create_card(CardOrder("holder", "visa", "USD", limits), key="key")
    issuer.update_card_status(made.issuer_card_id, "active", reason="", key="move")
    printed = {name: getattr(made, name) for name in ("last_four", "expiry_month", "expiry_year", "issuer_card_id")}
    VirtualCard.objects.filter(pk=card.pk).update(status="active", **printed)
    card.refresh_from_db()
    return card


@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_a_reported_stop_declines_until_the_issuer_can_be_asked(
    issuer: MockIssuer, shopper: VirtualCard, status: str
) -> None:
    issuer.update_card_status(shopper.issuer_card_id, status, reason="Fraud", key="by-staff")
    unreachable(issuer, 2)

    assert deliver_card_update(issuer, shopper.issuer_card_id, status) == "handled"
    with pytest.raises(IssuerError):
        work()

    assert buys(shopper) == (False, "card_stop_reported")
    assert due_comparisons.sweep(now=clock.now() + dt.timedelta(minutes=1)) == 1
    assert buys(shopper) == (False, "card_stop_reported")
    due_comparisons.sweep(now=clock.now() + dt.timedelta(minutes=3))
    shopper.refresh_from_db()
    assert (shopper.status, shopper.stop_reported_at, shopper.comparison_due_at) == (status, None, None)
    assert buys(shopper) == (False, "card_not_active")
    assert not FundingObligation.objects.exists()


def test_a_stop_that_the_issuer_denies_ends_with_the_comparison(issuer: MockIssuer, shopper: VirtualCard) -> None:
    deliver_card_update(issuer, shopper.issuer_card_id, "frozen")
    assert buys(shopper) == (False, "card_stop_reported")

    work()

    assert buys(shopper) == (True, "")


def test_a_suspended_holder_stops_each_of_their_cards(issuer: MockIssuer, shopper: VirtualCard) -> None:
    unreachable(issuer, 1)

    assert deliver_holder_update(issuer, "holder") == "handled"

    assert buys(shopper) == (False, "card_stop_reported")


def test_a_report_from_before_the_last_comparison_stops_nothing(issuer: MockIssuer, shopper: VirtualCard) -> None:
    VirtualCard.objects.update(last_synced_at=clock.now() + dt.timedelta(minutes=5))

    deliver_card_update(issuer, shopper.issuer_card_id, "frozen")

    assert buys(shopper) == (True, "")


def test_an_issuer_that_stays_away_opens_one_case_until_it_answers(issuer: MockIssuer, shopper: VirtualCard) -> None:
    deliver_card_update(issuer, shopper.issuer_card_id, "frozen")
    unreachable(issuer, 2)

    for minutes in (40, 42):
        due_comparisons.sweep(now=clock.now() + dt.timedelta(minutes=minutes))

    case = Case.objects.get(kind="card_differs")
    assert (case.status, "cannot be asked" in case.summary) == ("open", True)
    due_comparisons.sweep(now=clock.now() + dt.timedelta(minutes=44))
    case.refresh_from_db()
    assert case.status == "resolved"
    assert buys(shopper) == (True, "")


def test_a_late_report_of_a_stop_that_is_over_stops_nothing(issuer: MockIssuer, shopper: VirtualCard) -> None:
    VirtualCard.objects.update(last_synced_at=None)
    now = clock.now()
    deliver_card_update(issuer, shopper.issuer_card_id, "active", at=now)
    unreachable(issuer, 1)

    assert deliver_card_update(issuer, shopper.issuer_card_id, "frozen", at=now - dt.timedelta(minutes=5)) == "handled"

    assert buys(shopper) == (True, "")
    assert shopper.pk in asked_to_compare(), "it is compared all the same"


def test_a_stop_after_the_card_was_let_go_stops_it(issuer: MockIssuer, shopper: VirtualCard) -> None:
    now = clock.now()
    deliver_card_update(issuer, shopper.issuer_card_id, "active", at=now - dt.timedelta(minutes=5))

    deliver_card_update(issuer, shopper.issuer_card_id, "frozen", at=now)

    assert buys(shopper) == (False, "card_stop_reported")


def test_of_two_reports_from_one_moment_the_stop_counts(issuer: MockIssuer, shopper: VirtualCard) -> None:
    now = clock.now()
    deliver_card_update(issuer, shopper.issuer_card_id, "active", at=now)

    deliver_card_update(issuer, shopper.issuer_card_id, "closed", at=now)

    assert buys(shopper) == (False, "card_stop_reported")


def test_an_event_that_unfreezes_a_card_waits_for_the_issuer(issuer: MockIssuer, shopper: VirtualCard) -> None:
    now = clock.now()
    deliver_card_update(issuer, shopper.issuer_card_id, "frozen", at=now)
    unreachable(issuer, 1)

    deliver_card_update(issuer, shopper.issuer_card_id, "active", at=now + dt.timedelta(minutes=1))
    with pytest.raises(IssuerError):
        work()

    assert buys(shopper) == (False, "card_stop_reported")


@pytest.mark.parametrize("issuer", ["stripe"], indirect=True)
def test_a_refused_event_of_another_mode_ends_no_stop(issuer: MockIssuer, shopper: VirtualCard) -> None:
    now = clock.now()
    later = int(now.timestamp()) + 60
    foreign = event("issuing_card.updated", {"id": shopper.issuer_card_id, "status": "active"}, created=later)
    post(foreign | {"livemode": True})
    assert handle_last() == "kept"

    deliver_card_update(issuer, shopper.issuer_card_id, "frozen", at=now)

    assert buys(shopper) == (False, "card_stop_reported")


@pytest.mark.parametrize("key", ["cards", "cardtransitions"])
def test_either_name_of_marqetas_card_event_stops_the_card(key: str) -> None:
    registry.clear()
    issuer = MockIssuer(provider="marqeta")
    registry.install(issuer)
    card = known_card(issuer)
    row = {"token": "t-1", "card_token": card.issuer_card_id, "state": "LIMITED", "type": "state.limited"}

    assert marqeta({key: [row]}) == 200
    assert handle_last() == "handled"

    card.refresh_from_db()
    assert card.stop_reported_at is not None
