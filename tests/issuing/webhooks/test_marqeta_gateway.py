"""Marqeta's JIT gateway as Marqeta meets it: the same decision as through Stripe, answered in its own form."""

import base64
import time
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, override_settings

from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.outbox.models import Message
from tests.support import marqeta_events, stripe_events
from tests.support.marqeta_events import ask, echoed, gateway_request, number, read
from tests.support.wallets import marqeta_card
from wallet.models import FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return marqeta_card()


def nothing_happened() -> bool:
    kept = (Authorization, Decision, Hold, FundingObligation, FundingCharge, Message)
    return not any(model.objects.exists() for model in kept)


def test_an_approval_echoes_the_question_and_holds_what_stripes_would(card: VirtualCard) -> None:
    asked = gateway_request(card=card.issuer_card_id)

    response = ask(asked)

    assert response.status_code == 200
    decision = Decision.objects.get()
    answer = read(response)
    assert echoed(asked).items() <= answer.items()
    assert '"amount": 45.00' in response.content.decode()
    assert str(decision.public_id) in answer["memo"]
    assert str(decision.public_id) in answer["tags"]
    assert len(answer["memo"]) <= 99
    assert "decline_reason" not in answer
    assert bytes(decision.response) == response.content
    assert (decision.rule, decision.amount_minor, decision.currency) == ("backup_without_cash", 4500, "USD")
    assert FundingCharge.objects.get().method.network == "mastercard"
    assert sorted(SpendWindow.objects.values_list("kind", "spent_minor")) == [("day", 4500), ("month", 4500)]
    authorization = Authorization.objects.get()
    assert (authorization.provider, authorization.issuer_authorization_id) == ("marqeta", asked["token"])
    assert IssuerEvent.objects.get().status == "handled"
    assert "commit;dur=" in response["Server-Timing"]


def test_the_same_wallet_chooses_the_same_card_through_either_issuer(card: VirtualCard) -> None:
    other = walkthrough_card_of(card)
    stripe_events.post(stripe_events.authorization_request(card=other.issuer_card_id))
    ask(gateway_request(card=card.issuer_card_id))

    by_stripe, by_marqeta = Decision.objects.order_by("id")

    assert by_stripe.rule == by_marqeta.rule
    charged = {charge.method_id for charge in FundingCharge.objects.all()}
    assert len(charged) == 1
    told = [[each["effective_reward"] for each in one.trace["candidates"]] for one in (by_stripe, by_marqeta)]
    assert told[0] == told[1]


def walkthrough_card_of(card: VirtualCard) -> VirtualCard:
    """A Stripe card of the same person."""
    from tests.support.factories import VirtualCardFactory

    return VirtualCardFactory(cardholder=card.cardholder)


def test_a_repeat_gets_the_same_bytes_and_status_and_one_hold(card: VirtualCard) -> None:
    asked = gateway_request(card=card.issuer_card_id)
    refused = gateway_request(card="nobody")

    for question, status in ((asked, 200), (refused, 402)):
        answers = [ask(question) for _ in range(3)]
        assert {(answer.status_code, answer.content) for answer in answers} == {(status, answers[0].content)}

    assert (Decision.objects.count(), Hold.objects.count(), FundingCharge.objects.count()) == (2, 1, 1)


def test_an_increment_adds_its_own_amount_to_the_purchase_it_follows(card: VirtualCard) -> None:
    first = gateway_request(card=card.issuer_card_id, amount=30)
    more = marqeta_events.increment(first)

    assert [ask(question).status_code for question in (first, more)] == [200, 200]

    authorization = Authorization.objects.get()
    assert (authorization.issuer_authorization_id, authorization.approved_minor) == (first["token"], 3500)
    assert sorted(FundingObligation.objects.values_list("amount_minor", flat=True)) == [500, 3000]


def test_a_declined_increment_leaves_the_earlier_approval_standing(card: VirtualCard) -> None:
    first = gateway_request(card=card.issuer_card_id, amount=400)

    assert [ask(each).status_code for each in (first, marqeta_events.increment(first, amount=200))] == [200, 402]

    assert (Authorization.objects.get().status, Authorization.objects.get().approved_minor) == ("approved", 40_000)


def test_a_zero_amount_verifies_the_card_and_charges_nothing(card: VirtualCard) -> None:
    response = ask(
        gateway_request(card=card.issuer_card_id, amount=0, method="pgfs.authorization.account_verification")
    )

    assert response.status_code == 200
    assert Decision.objects.get().rule == "account_verification"
    assert not FundingObligation.objects.exists()


@pytest.mark.parametrize(
    ("currency", "written", "minor"),
    [
        ("JPY", "4500", 4500),
        ("JPY", "4500.0", 4500),
        ("KWD", "45.123", 45_123),
        ("USD", "45", 4500),
        ("USD", "45.0", 4500),
        ("USD", "0.1", 10),
        ("USD", "4.5e1", 4500),
        # As BigDecimal of Java writes them.
        ("USD", "1E+2", 10_000),
        ("USD", "1e2", 10_000),
        ("USD", "45.000", 4500),
        ("USD", '"4.5E+1"', 4500),
        ("JPY", "4.5E+3", 4500),
        ("USD", '"45.00"', 4500),
        ("USD", "499.99", 49_999),
    ],
)
def test_amounts_are_exact_in_every_currency(currency: str, written: str, minor: int) -> None:
    card = marqeta_card(currency=currency)
    card.cardholder.funding_methods.update(currencies=[currency])
    asked = gateway_request(card=card.issuer_card_id, amount=number(written), currency=currency)

    response = ask(asked)

    assert response.status_code == 200, response.content
    assert Decision.objects.get().amount_minor == minor
    assert read(response)["amount"] == number(written)


@pytest.mark.parametrize("written", ["1E-3", "45.001", "1E+999999999", "1E-999999999", "4" * 60, '"1E+9999"', '"NaN"'])
def test_a_number_that_is_no_amount_is_declined_at_once(card: VirtualCard, written: str) -> None:
    began = time.monotonic()

    response = ask(gateway_request(card=card.issuer_card_id, amount=number(written)))

    assert (response.status_code, read(response).get("decline_reason")) == (402, "INVALID_AMOUNT")
    assert time.monotonic() - began < 5, "the digits of a huge exponent must never be written out"
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("ours", "theirs", "values", "asked"),
    [
        ("card_not_active", "CARD_NOT_ACTIVE", {"status": "frozen"}, {}),
        ("per_transaction_limit_exceeded", "AMOUNT_LIMIT_EXCEEDED", {"per_transaction_limit_minor": 4499}, {}),
        ("compliance_hold", "BLOCKED_BY_ISSUER", {"compliance_flags": ["fraud"]}, {}),
        ("currency_mismatch", "TRANSACTION_NOT_PERMITTED", {}, {"currency": "EUR"}),
        ("cash_not_allowed", "TRANSACTION_NOT_PERMITTED", {}, {"mcc": "6011"}),
        ("cash_not_allowed", "TRANSACTION_NOT_PERMITTED", {}, {"method": "pgfs.authorization.quasi.cash"}),
        ("cash_not_allowed", "TRANSACTION_NOT_PERMITTED", {}, {"method": "pgfs.atm.withdrawal"}),
        ("cash_not_allowed", "TRANSACTION_NOT_PERMITTED", {}, {"method": "pgfs.authorization.cashback"}),
    ],
)
def test_each_rule_declines_in_marqetas_words_and_moves_no_money(
    ours: str, theirs: str, values: dict[str, Any], asked: dict[str, Any]
) -> None:
    question = gateway_request(card=marqeta_card(**values).issuer_card_id, **asked)

    response = ask(question)

    assert response.status_code == 402
    answer = read(response)
    assert answer["decline_reason"] == theirs
    assert ours in answer["tags"]
    assert echoed(question).items() <= answer.items()
    assert Decision.objects.get().decline_reason == ours
    assert not Hold.objects.exists()


@pytest.mark.parametrize("limit", ["daily", "monthly"])
def test_a_spent_limit_declines_in_marqetas_words(limit: str) -> None:
    card = marqeta_card(**{f"{limit}_limit_minor": 8999})
    assert ask(gateway_request(card=card.issuer_card_id)).status_code == 200
    if limit == "monthly":
        SpendWindow.objects.filter(kind="day").update(spent_minor=0)

    response = ask(gateway_request(card=card.issuer_card_id))

    assert response.status_code == 402
    assert read(response)["decline_reason"] == "AMOUNT_LIMIT_EXCEEDED"
    assert Decision.objects.latest("pk").decline_reason == f"{limit}_limit_exceeded"
    assert Hold.objects.count() == 1


def test_a_person_without_a_card_a_proof_or_a_funding_card_is_told_so(card: VirtualCard) -> None:
    assert read(ask(gateway_request(card="nobody")))["decline_reason"] == "INVALID_CARD"
    card.cardholder.funding_methods.update(status="disabled")
    assert read(ask(gateway_request(card=card.issuer_card_id)))["decline_reason"] == "INSUFFICIENT_FUNDS"
    type(card.cardholder).objects.update(kyc_status="pending")
    assert read(ask(gateway_request(card=card.issuer_card_id)))["decline_reason"] == "CARDHOLDER_NOT_ACTIVE"
    type(card.cardholder).objects.update(kyc_status="verified", compliance_flags=["sanctions"])
    assert read(ask(gateway_request(card=card.issuer_card_id)))["decline_reason"] == "BLOCKED_BY_ISSUER"


@pytest.mark.parametrize("order", ["gpa_order", "gpa_order_unload"])
@pytest.mark.parametrize("method", ["pgfs.authorization.reversal", "pgfs.force_capture", "pgfs.refund"])
def test_a_message_that_only_informs_is_echoed_and_kept(card: VirtualCard, method: str, order: str) -> None:
    told = gateway_request(card=card.issuer_card_id, method=method, order=order)

    answers = [ask(told) for _ in range(2)]

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert read(answers[0])["token"] == told[order]["jit_funding"]["token"]
    assert "decline_reason" not in read(answers[0])
    assert IssuerEvent.objects.get().status == "kept"
    assert nothing_happened()


@pytest.mark.parametrize(
    "method",
    ["pgfs.made.up.yesterday", "", None, 7, ["pgfs.authorization"], "pgfs.balanceinquiry", "pgfs.network.load"],
)
def test_a_method_that_is_not_on_the_list_is_refused_and_kept(card: VirtualCard, method: Any) -> None:
    response = ask(gateway_request(card=card.issuer_card_id, method=method))

    assert response.status_code == 402
    assert read(response)["decline_reason"] == "TRANSACTION_NOT_PERMITTED"
    assert IssuerEvent.objects.get().status == "kept"
    assert nothing_happened()


def without(*path: str) -> Any:
    def build(question: dict[str, Any]) -> dict[str, Any]:
        inner = question
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]
        return question

    return build


def with_jit(**changes: Any) -> Any:
    def build(question: dict[str, Any]) -> dict[str, Any]:
        question["gpa_order"]["jit_funding"].update(changes)
        return question

    return build


NO_AMOUNT, NOT_PERMITTED = "INVALID_AMOUNT", "TRANSACTION_NOT_PERMITTED"


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (without("gpa_order"), NOT_PERMITTED),
        (without("gpa_order", "jit_funding"), NOT_PERMITTED),
        (without("gpa_order", "jit_funding", "token"), NOT_PERMITTED),
        (without("gpa_order", "jit_funding", "user_token"), NOT_PERMITTED),
        (without("gpa_order", "jit_funding", "amount"), NO_AMOUNT),
        (without("card_token"), NOT_PERMITTED),
        (without("token"), NOT_PERMITTED),
        (without("card_acceptor"), NOT_PERMITTED),
        (without("card_acceptor", "mcc"), NOT_PERMITTED),
        (with_jit(amount=-1), NO_AMOUNT),
        (with_jit(amount=Decimal("45.005")), NO_AMOUNT),
        (with_jit(amount=Decimal("45.00" + "0" * 40 + "1")), NO_AMOUNT),
        (with_jit(amount=True), NO_AMOUNT),
        (with_jit(amount=None), NO_AMOUNT),
        (with_jit(amount="much"), NO_AMOUNT),
        (with_jit(amount="\uff14\uff15"), NO_AMOUNT),
        (with_jit(amount=10**30), NO_AMOUNT),
        (with_jit(amount=Decimal("1e999999")), NO_AMOUNT),
        (with_jit(amount=Decimal("1e-999999")), NO_AMOUNT),
        (with_jit(amount=[45]), NO_AMOUNT),
        (with_jit(token="x" * 100), NOT_PERMITTED),
        (with_jit(token="nul\x00"), NOT_PERMITTED),
        (with_jit(method="pgfs.authorization.incremental"), NOT_PERMITTED),
        (lambda question: question | {"card_acceptor": {"mcc": 5812}}, NOT_PERMITTED),
        (lambda question: {}, NOT_PERMITTED),
    ],
)
def test_a_malformed_question_is_declined_and_kept_as_rejected(card: VirtualCard, build: Any, reason: str) -> None:
    response = ask(build(gateway_request(card=card.issuer_card_id)))

    assert response.status_code == 402
    assert read(response)["decline_reason"] == reason
    event = IssuerEvent.objects.get()
    assert (event.status, bool(event.reason)) == ("rejected", True)
    assert nothing_happened()


def test_an_unknown_currency_is_declined_and_kept(card: VirtualCard) -> None:
    assert ask(gateway_request(card=card.issuer_card_id, currency="ZZZ")).status_code == 402
    assert IssuerEvent.objects.get().status == "rejected"


@pytest.mark.parametrize(
    "body", ["", "not json", "[]", "7", "[" * 100_000, '{"a": NaN}', '{"a": 1e99999999999999999999}']
)
def test_a_body_that_is_no_object_is_refused_and_kept_as_rejected(body: str) -> None:
    for _ in range(2):
        assert ask(body).status_code == 400

    assert IssuerEvent.objects.get().status == "rejected"
    assert nothing_happened()


def test_unknown_keys_and_words_do_not_stop_a_purchase(card: VirtualCard) -> None:
    pos = {"transaction_initiated_category": "UNSCHEDULED_CARD_ON_FILE", "made_up": {"a": [1]}}

    assert ask(gateway_request(card=card.issuer_card_id, pos=pos, type="made.up", network="NEW")).status_code == 200


USER, PASSWORD = "gateway", "Aa1!" + "x" * 20


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "no header"),
        ("Basic", "no credentials"),
        ("Basic ====", "no base64"),
        ("Basic \xe9", "not ASCII"),
        (marqeta_events.basic(USER, "wrong"), "wrong password"),
        (marqeta_events.basic("wrong", PASSWORD), "wrong name"),
        (marqeta_events.basic(USER, ""), "empty password"),
        (marqeta_events.basic("", ""), "both empty"),
        (marqeta_events.basic(USER, PASSWORD).replace("Basic", "Bearer"), "another scheme"),
        ("Basic " + base64.b64encode(USER.encode()).decode(), "no colon"),
        (marqeta_events.basic(USER, PASSWORD + "\n"), "a character too many"),
    ],
)
@override_settings(MARQETA_JIT_USERNAME=USER, MARQETA_JIT_PASSWORD=PASSWORD)
def test_a_request_that_is_not_the_gateways_is_refused_and_leaves_nothing(
    card: VirtualCard, header: str, why: str
) -> None:
    response = ask(gateway_request(card=card.issuer_card_id), authorization=header)

    assert response.status_code == 401, why
    assert response["WWW-Authenticate"].startswith("Basic ")
    assert not IssuerEvent.objects.exists()
    assert nothing_happened()


@pytest.mark.parametrize(("name", "password"), [("", ""), (USER, ""), ("", PASSWORD)])
def test_a_door_without_credentials_is_closed(card: VirtualCard, name: str, password: str) -> None:
    with override_settings(MARQETA_JIT_USERNAME=name, MARQETA_JIT_PASSWORD=password):
        assert ask(gateway_request(card=card.issuer_card_id)).status_code == 401

    assert not IssuerEvent.objects.exists()


def test_the_webhooks_credentials_do_not_open_the_gateway(card: VirtualCard, settings: Any) -> None:
    other = marqeta_events.basic(settings.MARQETA_WEBHOOK_USERNAME, settings.MARQETA_WEBHOOK_PASSWORD)

    assert ask(gateway_request(card=card.issuer_card_id), authorization=other).status_code == 401


def test_a_body_over_the_bound_is_refused_unread() -> None:
    assert ask('{"token": "' + "x" * 2_000_000 + '"}').status_code == 413
    assert not IssuerEvent.objects.exists()


def test_only_post_is_understood() -> None:
    assert Client().get(marqeta_events.GATEWAY).status_code == 405
