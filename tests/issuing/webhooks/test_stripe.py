"""The webhook as the issuer meets it: what it answers, what it stores, and what it must not do."""

import json
import time
from typing import Any

import pytest
from django.test import Client, override_settings

from audit.models import Entry
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.outbox.models import Message
from tests import stripe_events
from tests.wallets import walkthrough_card
from wallet.models import FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def nothing_happened() -> bool:
    kept = (Authorization, Decision, Hold, FundingObligation, FundingCharge, Message, Entry)
    return not any(model.objects.exists() for model in kept)


def no_money_moves() -> bool:
    return not any(model.objects.exists() for model in (FundingObligation, FundingCharge, Hold, Message))


@pytest.mark.parametrize("url", ["/stripe-webhook", "/api/webhooks/stripe-issuing"])
def test_an_approval_commits_its_hold_charge_trail_and_message(card: VirtualCard, url: str) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)

    response = stripe_events.post(asked, url=url)

    assert response.status_code == 200
    assert response.json()["approved"] is True
    assert response["Stripe-Version"] == "2024-06-20"
    assert "commit;dur=" in response["Server-Timing"]
    decision = Decision.objects.get()
    assert (decision.rule, decision.amount_minor, decision.currency) == ("backup_without_cash", 4500, "USD")
    assert bytes(decision.response) == response.content
    assert {"verify", "decode", "read", "choose", "record"} <= set(decision.timings_ms)
    charge = FundingCharge.objects.get()
    assert charge.method.network == "mastercard"
    assert (charge.status, charge.obligation.amount_minor) == ("intended", 4500)
    assert charge.obligation == decision.obligation
    assert Message.objects.get().payload == {"charge_id": charge.pk}
    assert Entry.objects.get().action == "authorization.approved"
    assert sorted(SpendWindow.objects.values_list("kind", "spent_minor")) == [("day", 4500), ("month", 4500)]
    assert Hold.objects.get().amount_minor == 4500
    event = IssuerEvent.objects.get()
    assert (event.status, json.loads(bytes(event.body))) == ("handled", asked)


def test_the_trace_names_every_method_with_its_row_and_effective_reward(card: VirtualCard) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id))

    trace = Decision.objects.get().trace

    effective = {candidate["network"]: candidate["effective_reward"] for candidate in trace["candidates"]}
    assert effective == {"amex": "2", "mastercard": "1.5", "visa": "0.5", "discover": "0.5"}
    assert all(candidate["row_version"] == 1 for candidate in trace["candidates"])
    assert trace["rulebook_version"] > 0
    assert trace["significantly_better"] == "1.5"


def test_the_same_event_in_turn_gets_the_same_bytes_and_one_hold(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)

    answers = {stripe_events.post(asked).content for _ in range(3)}

    assert len(answers) == 1
    assert (Decision.objects.count(), Hold.objects.count(), FundingCharge.objects.count()) == (1, 1, 1)
    assert SpendWindow.objects.get(kind="day").spent_minor == 4500


def test_a_second_event_for_the_same_round_gets_the_first_answer(card: VirtualCard) -> None:
    first = stripe_events.authorization_request(card=card.issuer_card_id)
    twin = first | {"id": stripe_events.unique("evt")}

    assert stripe_events.post(first).content == stripe_events.post(twin).content

    assert Decision.objects.count() == 1
    assert IssuerEvent.objects.count() == 2
    assert SpendWindow.objects.get(kind="day").spent_minor == 4500


def test_an_increment_repeats_the_id_and_adds_only_its_own_amount(card: VirtualCard) -> None:
    first = stripe_events.authorization_request(card=card.issuer_card_id, amount=3000)
    more = stripe_events.authorization_request(
        card=card.issuer_card_id,
        authorization=first["data"]["object"]["id"],
        amount=500,
        approved_before=3000,
        history=[{"approved": True, "amount": 3000, "reason": "webhook_approved"}],
    )

    assert [stripe_events.post(event).json()["approved"] for event in (first, more)] == [True, True]

    authorization = Authorization.objects.get()
    assert authorization.approved_minor == 3500
    assert sorted(FundingObligation.objects.values_list("amount_minor", flat=True)) == [500, 3000]
    assert SpendWindow.objects.get(kind="month").spent_minor == 3500


def test_a_declined_increment_leaves_the_earlier_approval_standing(card: VirtualCard) -> None:
    first = stripe_events.authorization_request(card=card.issuer_card_id, amount=40_000)
    more = stripe_events.authorization_request(
        card=card.issuer_card_id,
        authorization=first["data"]["object"]["id"],
        amount=20_000,
        approved_before=40_000,
        history=[{"approved": True}],
    )

    assert [stripe_events.post(event).json()["approved"] for event in (first, more)] == [True, False]

    authorization = Authorization.objects.get()
    assert (authorization.status, authorization.approved_minor) == ("approved", 40_000)
    assert Decision.objects.latest("id").decline_reason == "per_transaction_limit_exceeded"


def test_a_zero_amount_verifies_the_card_and_charges_nothing(card: VirtualCard) -> None:
    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=0))

    assert response.json()["approved"] is True
    assert Decision.objects.get().rule == "account_verification"
    assert no_money_moves()


def change(subject: Any, **values: Any) -> None:
    type(subject).objects.filter(pk=subject.pk).update(**values)


@pytest.mark.parametrize(
    ("reason", "arrange", "asked"),
    [
        ("card_not_active", lambda card: change(card, status="frozen"), {}),
        ("card_not_active", lambda card: change(card, status="pending"), {}),
        ("card_not_active", lambda card: change(card, status="closed"), {}),
        ("kyc_not_verified", lambda card: change(card.cardholder, kyc_status="pending"), {}),
        ("per_transaction_limit_exceeded", lambda card: change(card, per_transaction_limit_minor=4499), {}),
        ("daily_limit_exceeded", lambda card: change(card, daily_limit_minor=4499), {}),
        ("monthly_limit_exceeded", lambda card: change(card, monthly_limit_minor=4499), {}),
        ("currency_mismatch", lambda card: None, {"currency": "eur"}),
        ("cash_not_allowed", lambda card: None, {"mcc": "6011"}),
        ("no_funding_card", lambda card: card.cardholder.funding_methods.update(status="disabled"), {}),
        ("no_funding_card", lambda card: card.cardholder.funding_methods.update(currencies=["EUR"]), {}),
    ],
)
def test_each_rule_declines_with_its_reason_and_moves_no_money(
    card: VirtualCard, reason: str, arrange: Any, asked: dict[str, Any]
) -> None:
    arrange(card)

    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, **asked))

    assert response.status_code == 200
    assert response.json()["approved"] is False
    assert response.json()["metadata"]["onecard_reason"] == reason
    decision = Decision.objects.get()
    assert (decision.approved, decision.decline_reason, decision.rule) == (False, reason, "")
    assert Authorization.objects.get().status == "declined"
    assert Entry.objects.get().action == "authorization.declined"
    assert no_money_moves()
    assert not SpendWindow.objects.filter(spent_minor__gt=0).exists()


@pytest.mark.parametrize("limit", ["per_transaction_limit_minor", "daily_limit_minor", "monthly_limit_minor"])
def test_a_purchase_of_exactly_the_limit_is_approved(card: VirtualCard, limit: str) -> None:
    change(card, **{limit: 4500})

    assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id)).json()["approved"] is True


def test_an_unknown_card_is_declined_and_kept(card: VirtualCard) -> None:
    response = stripe_events.post(stripe_events.authorization_request(card="ic_nobody"))

    assert response.json()["approved"] is False
    decision = Decision.objects.get()
    assert (decision.decline_reason, decision.authorization.card) == ("unknown_card", None)


def test_an_mcc_without_rows_goes_to_the_backup_card(card: VirtualCard) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, mcc="7699"))

    assert Decision.objects.get().rule == "backup_unranked"
    assert FundingCharge.objects.get().method.is_backup


def test_other_known_and_unknown_events_are_stored_once_and_acknowledged(card: VirtualCard) -> None:
    for kind in ("issuing_authorization.created", "issuing_transaction.created", "made.up.yesterday"):
        happened = stripe_events.event(kind, {"id": "obj_1"})
        for _ in range(2):
            response = stripe_events.post(happened)
            assert (response.status_code, response.json()) == (200, {"received": True})

    assert IssuerEvent.objects.filter(status="received").count() == 3
    assert Message.objects.filter(topic="inbox.received").count() == 3


SECRET, OTHER = "whsec_" + "a" * 12, "whsec_" + "b" * 12


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (lambda body: "", "no header"),
        (lambda body: "t=1", "no signature"),
        (lambda body: "v1=abc", "no timestamp"),
        (lambda body: stripe_events.signed(body, secret=OTHER), "another secret"),
        (lambda body: stripe_events.signed(body + " ", secret=SECRET), "another body"),
        (lambda body: stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) - 310), "too old"),
        (lambda body: stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) + 310), "too new"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("v1=", "v0="), "only v0"),
        (lambda body: stripe_events.signed(body, secret=SECRET).upper(), "upper case"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("v1=", "v1=\xe9"), "not ASCII"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("t=", "t=x"), "timestamp no number"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace(",", ", "), "space after the comma"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("t=", "t=1=,t="), "two timestamps"),
        (lambda body: "t=" + "9" * 5000 + ",v1=abc", "huge timestamp"),
    ],
)
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_a_delivery_that_is_not_genuine_is_refused_and_leaves_nothing(card: VirtualCard, header: Any, why: str) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))

    response = stripe_events.post(body, header=header(body))

    assert response.status_code == 400, why
    assert "error" in response.json()
    assert nothing_happened()
    assert not IssuerEvent.objects.exists()


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_is_trusted(card: VirtualCard, secrets: list[str]) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))
    with override_settings(STRIPE_WEBHOOK_SECRETS=secrets):
        response = stripe_events.post(body, header=stripe_events.signed(body, secret="whsec_x"))

    assert response.status_code == 400
    assert "STRIPE_WEBHOOK_SECRETS" in response.json()["error"]
    assert nothing_happened()


@pytest.mark.parametrize("secret", [SECRET, OTHER])
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET, OTHER])
def test_any_of_several_secrets_may_sign(card: VirtualCard, secret: str) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))

    response = stripe_events.post(body, header=stripe_events.signed(body, secret=secret))

    assert response.json()["approved"] is True


@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_one_good_signature_among_several_is_enough(card: VirtualCard) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
    header = stripe_events.signed(body, secret=SECRET)
    response = stripe_events.post(body, header=header.replace("v1=", "v1=" + "0" * 64 + ",v1="))
    assert response.json()["approved"] is True


@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_the_tolerance_of_news_reaches_both_ways(card: VirtualCard) -> None:
    for shift_s in (-290, 290):
        body = json.dumps(stripe_events.event("issuing_card.updated", {"id": card.issuer_card_id}))
        header = stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) + shift_s)
        assert stripe_events.post(body, header=header).json() == {"received": True}


@pytest.mark.parametrize("shift_s", [0, 1, 290])
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_a_clock_that_is_behind_declines_no_purchase(card: VirtualCard, shift_s: int) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
    header = stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) + shift_s)
    assert stripe_events.post(body, header=header).json()["approved"] is True


@pytest.mark.parametrize("age_s", [2, 3, 10, 290])
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_a_question_signed_too_long_ago_is_declined_without_work(
    card: VirtualCard, age_s: int, django_assert_num_queries: Any
) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
    header = stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) - age_s)
    with django_assert_num_queries(0):
        response = stripe_events.post(body, header=header)
    assert (response.status_code, response.json()["approved"]) == (200, False)
    assert response.json()["metadata"]["onecard_reason"] == "deadline_exceeded"
    assert nothing_happened()


@pytest.mark.parametrize(
    "body", ["", "not json", "[]", "7", '"text"', "{}", '{"id": "evt_1"}', "[" * 100_000, '{"id": 5, "type": 6}']
)
def test_a_genuine_body_that_is_no_event_is_refused_and_kept_as_rejected(body: str) -> None:
    for _ in range(2):
        response = stripe_events.post(body)
        assert response.status_code == 400
        assert response.json()["error"]

    event = IssuerEvent.objects.get()
    assert (event.status, bytes(event.body)) == ("rejected", body.encode())
    assert event.reason
    assert nothing_happened()


def request_without(*path: str) -> Any:
    def build(card: VirtualCard) -> dict[str, Any]:
        event = stripe_events.authorization_request(card=card.issuer_card_id)
        inner = event["data"]["object"]
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]
        return event

    return build


def request_with(**changes: Any) -> Any:
    return lambda card: stripe_events.authorization_request(card=card.issuer_card_id, **changes)


@pytest.mark.parametrize(
    "build",
    [
        request_without("pending_request"),
        request_without("pending_request", "amount"),
        request_without("card"),
        request_without("id"),
        request_without("merchant_data"),
        request_without("merchant_data", "category_code"),
        request_with(amount=-1),
        request_with(amount=45.0),
        request_with(amount=True),
        request_with(amount="4500"),
        request_with(amount=10**30),
        request_with(amount=None),
        request_with(currency="zzz"),
        request_with(currency=7),
        request_with(mcc="58"),
        request_with(mcc="581\uff12"),
        request_with(mcc=5812),
        lambda card: stripe_events.event("issuing_authorization.request", None),
        lambda card: stripe_events.event("issuing_authorization.request", "text"),
        lambda card: stripe_events.event("issuing_authorization.request", {}, data=None),
    ],
)
def test_a_malformed_request_is_declined_and_stored_with_its_reason(card: VirtualCard, build: Any) -> None:
    response = stripe_events.post(build(card))

    assert response.status_code == 200
    assert response.json() == {"approved": False, "metadata": {"onecard_reason": "malformed_request"}}
    assert response["Stripe-Version"]
    event = IssuerEvent.objects.get()
    assert event.status == "rejected"
    assert event.reason
    assert nothing_happened()


def test_text_that_the_database_cannot_store_is_cleaned_and_approved(card: VirtualCard) -> None:
    merchant = {"category_code": "5812", "name": "Nul\x00 and half a pair \ud800" + "x" * 500, "network_id": "1"}
    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, merchant_data=merchant))

    assert response.json()["approved"] is True
    assert Authorization.objects.get().merchant_name.startswith("Nul and half a pair ?xxx")


def test_a_body_over_the_bound_is_refused_unread() -> None:
    response = stripe_events.post('{"id": "' + "x" * 2_000_000 + '"}')

    assert response.status_code == 413
    assert not IssuerEvent.objects.exists()


def test_only_post_is_understood() -> None:
    assert Client().get("/stripe-webhook").status_code == 405


def test_the_decision_takes_two_statements(card: VirtualCard, django_assert_num_queries: Any) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))

    # The ORM's own queries are counted here; the decision's two statements go beside it.
    with django_assert_num_queries(0):
        assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id)).json()["approved"]


@pytest.mark.parametrize("accept", ["*/*; q=0.5, application/xml", "text/html", "application/xml", "nonsense"])
def test_the_accept_header_declines_nothing(card: VirtualCard, accept: str) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))

    response = Client().post(
        stripe_events.URL,
        data=body.encode(),
        content_type="application/json",
        headers={"Stripe-Signature": stripe_events.signed(body), "Accept": accept},
    )

    assert response.json()["approved"] is True
