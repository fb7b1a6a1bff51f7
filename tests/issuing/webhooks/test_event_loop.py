"""Marqeta's questions in the server's event loop: answered as the view in a thread answers them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from issuing.authorizations import together
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from issuing.webhooks import event_loop
from issuing.webhooks.event_loop import IN_DOUBT
from onecard.kit.admission import Admission
from onecard.kit.buffered_wsgi import Answer
from tests.issuing.webhooks.hostile_values import places_in, with_changed
from tests.support import marqeta_events, stripe_events
from tests.support.factories import CardholderFactory, VirtualCardFactory
from tests.support.marqeta_events import gateway_request, increment
from tests.support.together import (
    deliver,
    known_card,
    look_together,
    make_known,
    of_marqeta,
    of_stripe,
    questions,
    without_names,
)
from tests.support.wallets import copy_wallet
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_memory(settings: Any) -> Iterator[None]:
    # On a busy machine a thread may wait longer than an issuer would.
    settings.DECISION_DEADLINE_MS = 30_000
    yield
    together.forget()


def two_alike(**values: Any) -> tuple[VirtualCard, VirtualCard]:
    """Cards of two people with one wallet: what is decided for one would be decided for the other."""
    first = known_card(**values)
    holder = CardholderFactory(preference=first.cardholder.preference)
    copy_wallet(first.cardholder, holder)
    other = VirtualCardFactory(
        cardholder=holder, issuer_provider="marqeta", issuer_card_id=marqeta_events.token(), **values
    )
    make_known(other)
    return first, other


def money_of(card: VirtualCard) -> dict[str, Any]:
    """What is on record of a card's decisions, and what they moved."""
    decisions = Decision.objects.filter(authorization__card=card).order_by("id")
    holds = Hold.objects.filter(authorization__card=card)
    windows = SpendWindow.objects.filter(card=card)
    charges = FundingCharge.objects.filter(method__cardholder=card.cardholder)
    facts = ("approved", "decline_reason", "rule", "amount_minor", "currency", "round_key", "event__event_type")
    return {
        "decisions": list(decisions.values_list(*facts)),
        "holds": sorted(holds.values_list("amount_minor", "status")),
        "windows": sorted(windows.values_list("kind", "spent_minor")),
        "charges": sorted(charges.values_list("method__network", "amount_minor", "status")),
    }


DECLINES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"status": "frozen"}, {}),
    ({"per_transaction_limit_minor": 4499}, {}),
    ({"compliance_flags": ["fraud"]}, {}),
    ({}, {"currency": "EUR"}),
    ({}, {"mcc": "6011"}),
    ({}, {"method": "pgfs.authorization.quasi.cash"}),
    ({}, {"method": "pgfs.atm.withdrawal"}),
    ({}, {"amount": 501}),
]
APPROVALS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({}, {"amount": 0, "method": "pgfs.authorization.account_verification"}),
    ({}, {"method": "pgfs.auth_plus_capture"}),
    ({}, {"amount": marqeta_events.number("45.0")}),
    ({}, {"amount": "45.00"}),
]


@pytest.mark.parametrize(("values", "asked"), APPROVALS + DECLINES)
def test_both_ways_answer_alike_and_move_the_same_money(values: dict[str, Any], asked: dict[str, Any]) -> None:
    by_thread, by_loop = two_alike(**values)

    answers = [
        marqeta_events.ask(gateway_request(card=by_thread.issuer_card_id, **asked)),
        deliver(of_marqeta(gateway_request(card=by_loop.issuer_card_id, **asked))),
    ]

    assert answers[1].in_loop
    assert without_names(answers[1]) == without_names(answers[0])
    assert answers[1].status_code == (200 if (values, asked) in APPROVALS else 402)
    assert money_of(by_loop) == money_of(by_thread)
    assert bytes(Decision.objects.get(authorization__card=by_loop).response) == answers[1].content


@pytest.mark.parametrize("limit", ["daily", "monthly"])
def test_a_spent_limit_declines_alike(limit: str) -> None:
    cards = two_alike(**{f"{limit}_limit_minor": 8999})
    for card in cards:
        assert marqeta_events.ask(gateway_request(card=card.issuer_card_id)).status_code == 200
    if limit == "monthly":
        SpendWindow.objects.filter(kind="day").update(spent_minor=0)

    declined = marqeta_events.ask(gateway_request(card=cards[0].issuer_card_id))
    answer = deliver(of_marqeta(gateway_request(card=cards[1].issuer_card_id)))

    assert (answer.in_loop, answer.status_code) == (True, 402)
    assert without_names(answer) == without_names(declined)
    assert money_of(cards[1]) == money_of(cards[0])
    assert Decision.objects.filter(decline_reason=f"{limit}_limit_exceeded").count() == 2


@pytest.mark.parametrize(
    ("of_wallet", "of_holder"),
    [({"status": "disabled"}, {}), ({}, {"kyc_status": "pending"}), ({}, {"compliance_flags": ["sanctions"]})],
)
def test_a_person_who_may_not_buy_is_declined_alike(of_wallet: dict[str, Any], of_holder: dict[str, Any]) -> None:
    cards = two_alike()
    for card in cards:
        if of_wallet:
            card.cardholder.funding_methods.update(**of_wallet)
        if of_holder:
            type(card.cardholder).objects.filter(pk=card.cardholder.pk).update(**of_holder)

    declined = marqeta_events.ask(gateway_request(card=cards[0].issuer_card_id))
    answer = deliver(of_marqeta(gateway_request(card=cards[1].issuer_card_id)))

    assert (answer.in_loop, answer.status_code) == (True, 402)
    assert without_names(answer) == without_names(declined)
    assert money_of(cards[1]) == money_of(cards[0])
    assert not Hold.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"card": "nobody"},
        {"user_token": "a-stranger"},
        {"mcc": "9999"},
        {"follows": "a-purchase", "method": "pgfs.authorization.incremental"},
    ],
)
def test_what_is_not_ordinary_is_decided_in_a_thread(change: dict[str, Any]) -> None:
    questions(0)
    asked = gateway_request(**{"card": VirtualCard.objects.get().issuer_card_id, "amount": 1} | change)

    answer = deliver(of_marqeta(asked))

    assert not answer.in_loop
    assert answer.status_code in (200, 402)
    assert Decision.objects.filter(event__event_id=asked["gpa_order"]["jit_funding"]["token"]).count() == 1


def test_an_increment_is_decided_in_a_thread_and_adds_to_its_purchase() -> None:
    (first,) = questions(1)
    assert deliver(of_marqeta(first)).in_loop

    answer = deliver(of_marqeta(increment(first, amount=2)))

    assert (answer.in_loop, answer.status_code) == (False, 200)
    assert Authorization.objects.get(issuer_authorization_id=first["token"]).approved_minor == 300


@pytest.mark.parametrize("method", ["pgfs.authorization.reversal", "pgfs.made.up.yesterday", None, ["x"]])
def test_what_asks_nothing_is_answered_and_kept_as_before(method: Any) -> None:
    told = gateway_request(card=known_card().issuer_card_id, method=method)

    answer = deliver(of_marqeta(told))

    assert not answer.in_loop
    again = marqeta_events.ask(told)
    assert (again.status_code, again.content) == (answer.status_code, answer.content)
    assert IssuerEvent.objects.get().status == "kept"
    assert not Decision.objects.exists()


def without_jit(asked: dict[str, Any]) -> dict[str, Any]:
    del asked["gpa_order"]["jit_funding"]
    return asked


def in_no_currency(asked: dict[str, Any]) -> dict[str, Any]:
    asked["gpa_order"]["currency_code"] = "ZZZ"
    return asked


def with_amount(value: Any) -> Any:
    def build(asked: dict[str, Any]) -> dict[str, Any]:
        asked["gpa_order"]["jit_funding"]["amount"] = value
        return asked

    return build


@pytest.mark.parametrize(
    ("build", "status"),
    [
        (lambda _asked: "not json", 400),
        (lambda _asked: "[]", 400),
        (lambda _asked: "[" * 50_000, 400),
        (lambda _asked: "{}", 402),
        (without_jit, 402),
        (with_amount("much"), 402),
        (with_amount(-1), 402),
        (with_amount(10**30), 402),
        (lambda asked: asked | {"card_acceptor": {"mcc": 5812}}, 402),
        (in_no_currency, 402),
    ],
)
def test_a_malformed_question_is_refused_as_before(build: Any, status: int) -> None:
    malformed = build(gateway_request(card=known_card().issuer_card_id))

    answer = deliver(of_marqeta(malformed))
    again = marqeta_events.ask(malformed)

    assert (answer.in_loop, answer.status_code) == (False, status)
    assert (again.status_code, again.content) == (answer.status_code, answer.content)
    assert IssuerEvent.objects.get().status == "rejected"
    assert not Authorization.objects.exists()


@pytest.mark.parametrize(
    "header", ["", "Basic ====", marqeta_events.basic("sandbox", "wrong"), marqeta_events.basic("", "")]
)
def test_a_stranger_is_refused_whether_or_not_the_queue_is_full(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (asked,) = questions(1)
    for most in (64, 0):
        monkeypatch.setattr(event_loop, "admission", Admission(least=most, most=most, most_waiting=most))

        answer = deliver(of_marqeta(asked, authorization=header))

        assert (answer.in_loop, answer.status_code) == (False, 401)
    assert Decision.objects.count() == IssuerEvent.objects.count() == 1


def test_a_closed_door_is_closed_in_the_loop_as_well(settings: Any) -> None:
    (asked,) = questions(1)
    settings.MARQETA_JIT_USERNAME = settings.MARQETA_JIT_PASSWORD = ""

    assert deliver(of_marqeta(asked)).status_code == 401
    assert Decision.objects.count() == 1


ODD: list[Any] = ["\x00", "\ud800", "\u0661", "", "x" * 5000, 10**30, -1, 1e300, True, None, [], {}]


@pytest.mark.parametrize("value", ODD)
def test_no_odd_value_undoes_the_decisions_of_others(value: Any) -> None:
    (ours,) = questions(1)
    card = VirtualCardFactory(cardholder=VirtualCard.objects.get().cardholder)
    event = stripe_events.authorization_request(card=card.issuer_card_id, amount=100)
    odd = [of_marqeta(with_changed(ours, place, value)) for place in places_in(ours)[1:]]
    odd += [of_stripe(with_changed(event, place, value)) for place in places_in(event)[1:]]
    good = [of_marqeta(gateway_request(card=ours["card_token"], amount=1)) for _ in range(3)]

    found = look_together(good + odd, arrived_at=time.perf_counter())

    assert {each.status for each in found[:3] if isinstance(each, Answer)} == {200}
    assert not any(each.get(IN_DOUBT) for each in found if not isinstance(each, Answer))
