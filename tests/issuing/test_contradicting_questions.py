"""Questions that contradict what we know: declined, kept, a case for a person, and nobody is charged for them."""

import html
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from issuing import lifecycle, store
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.kit import references
from onecard.kit.transactions import transaction
from tests import marqeta_events, stripe_events
from tests.back_office import logged_in, text_of
from tests.factories import VirtualCardFactory
from tests.issuing.postings import report
from tests.issuing.test_increments import asked_of_cards
from tests.issuing.test_marqeta_gateway import marqeta_card
from tests.issuing.test_settling import deliver, news, work
from tests.issuing.test_settling import moved as captured
from tests.wallets import walkthrough_card
from wallet.models import Case, FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db
Told = dict[str, Any]


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def other_card(**values: Any) -> VirtualCard:
    """Another person's card, with a wallet that could pay."""
    first = VirtualCard.objects.first()
    other = VirtualCardFactory(**values)
    if first is not None:
        for method in first.cardholder.funding_methods.all():
            method.pk, method.cardholder = None, other.cardholder
            method.processor_method_id = stripe_events.unique("pm")
            method.save(force_insert=True)
    return other


def reason(response: Any) -> str:
    return str(response.json()["metadata"].get("onecard_reason", ""))


def moved() -> tuple[list[int], list[int], list[int]]:
    """What is held, what was asked of cards, and what the limits count."""
    held = Hold.objects.filter(status="placed").values_list("amount_minor", flat=True)
    asked = FundingObligation.objects.values_list("amount_minor", flat=True)
    return sorted(held), sorted(asked), sorted(set(SpendWindow.objects.values_list("spent_minor", flat=True)))


ONE = ([4500], [4500], [4500])


def contradictions() -> list[Case]:
    return list(Case.objects.filter(kind="event_contradiction", status="open"))


# A later round keeps its card ---------------------------------------------------------------------------------------


def later_round(asked: Told, *, card: str, amount: int = 900, **changes: Any) -> Told:
    return stripe_events.authorization_request(
        card=card,
        authorization=asked["data"]["object"]["id"],
        amount=amount,
        approved_before=4500,
        history=[{"approved": True, "amount": 4500}],
        **changes,
    )


@pytest.mark.parametrize("whose", ["another person's", "the same person's", "nobody's"])
def test_a_later_round_with_another_card_is_declined_with_a_case(card: VirtualCard, whose: str) -> None:
    other = {
        "another person's": lambda: other_card().issuer_card_id,
        "the same person's": lambda: VirtualCardFactory(cardholder=card.cardholder).issuer_card_id,
        "nobody's": lambda: "ic_nobody",
    }[whose]()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    again = later_round(asked, card=other)
    answers = [stripe_events.post(again) for _ in range(2)]

    assert {reason(answer) for answer in answers} == {"another_card"}
    assert answers[0].content == answers[1].content
    assert moved() == ONE
    purchase = Authorization.objects.get()
    assert (purchase.card_id, purchase.approved_minor, purchase.status) == (card.pk, 4500, "approved")
    (case,) = contradictions()
    assert (case.reference, case.amount_minor) == (f"authorization:{purchase.pk}", 900)
    assert other in case.summary
    event = IssuerEvent.objects.get(event_id=again["id"])
    assert json.loads(bytes(event.body)) == again


def test_a_first_round_repeated_with_another_card_is_declined(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    again = stripe_events.authorization_request(
        card=other_card().issuer_card_id, authorization=asked["data"]["object"]["id"]
    )

    assert [reason(stripe_events.post(again)) for _ in range(2)] == ["round_contradicts"] * 2

    assert moved() == ONE
    assert len(contradictions()) == 1
    assert IssuerEvent.objects.get(event_id=again["id"]).status == "kept"


@pytest.mark.parametrize("change", [{"amount": 9900}, {"mcc": "5411"}])
def test_a_first_round_repeated_with_other_content_is_declined(card: VirtualCard, change: Told) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    again = stripe_events.authorization_request(
        card=card.issuer_card_id, authorization=asked["data"]["object"]["id"], **change
    )

    assert stripe_events.post(again).json()["approved"] is False

    assert moved() == ONE
    assert len(contradictions()) == 1


def test_a_later_round_in_another_currency_is_declined(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    answer = stripe_events.post(later_round(asked, card=card.issuer_card_id, currency="eur"))

    assert reason(answer) == "another_currency"
    assert moved() == ONE
    assert len(contradictions()) == 1


def test_a_purchase_of_an_unknown_card_does_not_become_somebodys(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    Authorization.objects.update(card=None)

    assert reason(stripe_events.post(later_round(asked, card=card.issuer_card_id))) == "another_card"
    assert Authorization.objects.get().card is None


@pytest.mark.parametrize("known", [True, False])
def test_marqetas_increment_with_another_card_is_declined(known: bool) -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(first)
    other = other_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token()).issuer_card_id
    more = marqeta_events.increment(first, card_token=other if known else marqeta_events.token())

    answers = [marqeta_events.ask(more) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [402, 402]
    assert "another_card" in marqeta_events.read(answers[0])["tags"]
    assert moved() == ONE
    assert len(contradictions()) == 1


# An id is bound to its door and to what it asked --------------------------------------------------------------------


def test_a_used_event_id_with_another_purchase_is_declined_and_kept(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    first = stripe_events.post(asked)
    other = stripe_events.authorization_request(card=other_card().issuer_card_id, amount=900) | {"id": asked["id"]}

    answers = [stripe_events.post(other) for _ in range(2)]

    assert {reason(answer) for answer in answers} == {"event_id_reused"}
    assert moved() == ONE
    assert {bytes(event.body) for event in IssuerEvent.objects.all()} == {
        json.dumps(each).encode() for each in (asked, other)
    }
    (case,) = contradictions()
    assert case.reference.startswith("issuerevent:")
    assert asked["id"] in case.summary
    assert stripe_events.post(asked).content == first.content, "the first one's answer stands"


@pytest.mark.parametrize("change", [{"amount": 4600}, {"currency": "eur"}, {"mcc": "5411"}, {"approved_before": 100}])
def test_a_used_event_id_with_one_other_fact_is_declined(card: VirtualCard, change: Told) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    other = stripe_events.authorization_request(
        card=card.issuer_card_id, authorization=asked["data"]["object"]["id"], **change
    )

    assert reason(stripe_events.post(other | {"id": asked["id"]})) == "event_id_reused"
    assert moved() == ONE


def test_a_redelivery_written_anew_gets_the_same_bytes(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    first = stripe_events.post(asked)

    again = json.dumps(dict(reversed(asked.items())) | {"pending_webhooks": 7}, indent=2, sort_keys=True)

    assert stripe_events.post(again).content == first.content
    assert (IssuerEvent.objects.count(), Case.objects.count()) == (1, 0)


def test_an_event_id_of_news_does_not_answer_a_question(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(stripe_events.authorization_news(asked) | {"id": asked["id"]})

    assert reason(stripe_events.post(asked)) == "event_id_reused"
    assert not FundingCharge.objects.exists()
    assert IssuerEvent.objects.count() == 2


def test_news_under_a_questions_id_is_kept_with_a_case(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    told = stripe_events.authorization_news(asked, status="reversed", amount=0) | {"id": asked["id"]}
    assert [stripe_events.post(told).status_code for _ in range(2)] == [200, 200]

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["handled", "kept"]
    assert len(contradictions()) == 1


def test_two_messages_under_one_id_are_both_kept(card: VirtualCard) -> None:
    def capture(amount: int) -> Told:
        content = {"id": stripe_events.unique("ipi"), "type": "capture", "amount": -amount, "currency": "usd"}
        return stripe_events.event("issuing_transaction.created", content | {"card": card.issuer_card_id})

    first = capture(4500)
    second = capture(900) | {"id": first["id"]}

    for told in (first, second, second | {"pending_webhooks": 3}, first):
        assert stripe_events.post(told).status_code == 200

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["kept", "received"]
    assert {json.loads(bytes(each.body))["data"]["object"]["id"] for each in IssuerEvent.objects.all()} == {
        each["data"]["object"]["id"] for each in (first, second)
    }
    assert len(contradictions()) == 1


@pytest.mark.parametrize(("amount", "cases"), [(4500, 0), (9900, 1)])
def test_one_event_in_two_api_versions_is_no_contradiction(card: VirtualCard, amount: int, cases: int) -> None:
    """While an account is upgraded, two endpoints tell each event in two shapes (Stripe, API upgrades)."""
    told = stripe_events.authorization_news(stripe_events.authorization_request(card=card.issuer_card_id))
    content = told["data"]["object"]
    newer = {"data": {"object": content | {"a_new_field": 1, "amount": amount}}, "api_version": "2026-10-28.endive"}

    for each in (told, told | newer):
        assert stripe_events.post(each).status_code == 200

    assert (IssuerEvent.objects.count(), len(contradictions())) == (1 + cases, cases)


def test_a_malformed_question_under_a_used_id_is_kept_beside_it(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    assert reason(stripe_events.post(asked | {"data": {"object": {"id": "x"}}})) == "malformed_request"

    assert IssuerEvent.objects.count() == 2
    assert moved() == ONE


def with_jit(question: Told, **changes: Any) -> Told:
    order = question["gpa_order"]
    return question | {"gpa_order": order | {"jit_funding": order["jit_funding"] | changes}}


def test_a_used_jit_token_with_another_amount_is_declined_and_kept() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    first = marqeta_events.ask(asked)
    other = with_jit(asked, amount=Decimal("450.00"))

    answers = [marqeta_events.ask(other) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [402, 402]
    assert marqeta_events.read(answers[0])["amount"] == Decimal("450.00")
    assert moved() == ONE
    assert IssuerEvent.objects.count() == 2
    assert len(contradictions()) == 1
    assert marqeta_events.ask(asked).content == first.content


@pytest.mark.parametrize("change", ["purchase", "card", "method", "merchant"])
def test_a_used_jit_token_with_another_fact_is_declined(change: str) -> None:
    card = marqeta_card()
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    marqeta_events.ask(asked)
    other = {
        "purchase": lambda: asked | {"token": marqeta_events.token()},
        "card": lambda: asked | {"card_token": other_card(issuer_provider="marqeta").issuer_card_id},
        "method": lambda: with_jit(asked, method="pgfs.auth_plus_capture"),
        "merchant": lambda: asked | {"card_acceptor": asked["card_acceptor"] | {"mcc": "5411"}},
    }[change]()

    answer = marqeta_events.ask(other)

    assert answer.status_code == 402
    assert "event_id_reused" in marqeta_events.read(answer)["tags"]
    assert moved() == ONE
    assert IssuerEvent.objects.count() == 2


def test_a_gateway_retry_with_its_keys_in_another_order_gets_the_same_bytes() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, amount=Decimal("45.00"))
    first = marqeta_events.ask(asked)

    again = with_jit(dict(reversed(asked.items())), amount=45)

    assert marqeta_events.ask(again).content == first.content
    assert (IssuerEvent.objects.count(), Case.objects.count()) == (1, 0)


def test_a_notice_under_a_questions_jit_token_is_kept_beside_it() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(asked)

    marqeta_events.ask(with_jit(asked, method="pgfs.authorization.reversal"))

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["handled", "kept"]
    assert len(contradictions()) == 1


def test_marqetas_row_told_again_with_another_amount_is_kept_with_a_case() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    row = marqeta_events.outcome(asked)

    for told in (row, row | {"response": {"code": "0000", "memo": "told again"}}, row | {"amount": Decimal("9.00")}):
        assert marqeta_events.report({"transactions": [told]}).status_code == 200

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["kept", "received"]
    assert len(contradictions()) == 1


# Only an increment adds ---------------------------------------------------------------------------------------------


def under_new_jit_token(asked: Told, **changes: Any) -> Told:
    return with_jit(asked, token=marqeta_events.token(), **changes)


@pytest.mark.parametrize(
    ("method", "amount"),
    [
        ("pgfs.authorization", Decimal("45.00")),
        ("pgfs.auth_plus_capture", Decimal("45.00")),
        ("pgfs.authorization.account_verification", 0),
    ],
)
def test_marqetas_question_under_new_jit_tokens_is_one_round(method: str, amount: Any) -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, method=method, amount=amount)
    questions = [asked, *(under_new_jit_token(asked) for _ in range(4))]

    answers = [marqeta_events.ask(each) for each in questions]

    assert {answer.status_code for answer in answers} == {200}
    for question, answer in zip(questions, answers, strict=True):
        assert marqeta_events.echoed(question).items() <= marqeta_events.read(answer).items()
    assert len({marqeta_events.read(answer)["tags"] for answer in answers}) == 1
    assert moved() == (ONE if amount else ([], [], []))
    assert (Decision.objects.count(), IssuerEvent.objects.count(), Case.objects.count()) == (1, 5, 0)
    assert marqeta_events.ask(questions[-1]).content == answers[-1].content


def test_marqetas_increment_under_new_jit_tokens_adds_once() -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    more = marqeta_events.increment(first)

    answers = [marqeta_events.ask(each) for each in (first, more, under_new_jit_token(more), under_new_jit_token(more))]

    assert {answer.status_code for answer in answers} == {200}
    assert moved() == ([500, 4500], [500, 4500], [5000])
    another = marqeta_events.increment(first)
    assert marqeta_events.ask(another).status_code == 200
    assert Authorization.objects.get().approved_minor == 5500


@pytest.mark.parametrize("change", [{"amount": Decimal("46.00")}, {"method": "pgfs.auth_plus_capture"}])
def test_marqetas_repeat_with_other_content_is_declined_with_a_case(change: Told) -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(asked)

    answer = marqeta_events.ask(under_new_jit_token(asked, **change))

    assert answer.status_code == 402
    assert "round_contradicts" in marqeta_events.read(answer)["tags"]
    assert moved() == ONE
    assert len(contradictions()) == 1


def test_a_repeat_of_a_declined_question_is_declined_alike() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card(status="frozen").issuer_card_id)

    answers = [marqeta_events.ask(each) for each in (asked, under_new_jit_token(asked))]

    assert [answer.status_code for answer in answers] == [402, 402]
    assert {marqeta_events.read(answer)["decline_reason"] for answer in answers} == {"CARD_NOT_ACTIVE"}
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("by", ["stripe", "marqeta"])
def test_a_repeat_after_the_end_of_the_purchase_is_not_approved(card: VirtualCard, by: str) -> None:
    if by == "stripe":
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        again = asked | {"id": stripe_events.unique("evt")}
        stripe_events.post(asked)
        deliver(news(asked, "reversed", amount=0))
        answers = [stripe_events.post(again) for _ in range(2)]
        assert {reason(answer) for answer in answers} == {"authorization_not_open"}
    else:
        asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
        marqeta_events.ask(asked)
        end = {"state": "CLEARED", "method": "pgfs.authorization.reversal"}
        report(marqeta_events.later(asked, "authorization.reversal", **end))
        assert marqeta_events.ask(under_new_jit_token(asked)).status_code == 402
    assert moved()[0] == []


@pytest.mark.parametrize("told_of", [0, 1])
def test_marqetas_no_to_any_of_a_rounds_jit_tokens_gives_it_back(told_of: int) -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    questions = [asked, under_new_jit_token(asked)]
    assert [marqeta_events.ask(each).status_code for each in questions] == [200, 200]

    report(marqeta_events.outcome(questions[told_of], state="DECLINED"))

    assert moved()[0] == []
    assert Authorization.objects.get().status == "declined"


def test_an_increment_by_its_type_alone_belongs_to_its_purchase() -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(first)

    assert marqeta_events.ask(with_jit(marqeta_events.increment(first), method="pgfs.authorization")).status_code == 200

    assert Authorization.objects.get().approved_minor == 5000


def test_a_plain_question_about_a_stand_in_adds_nothing() -> None:
    told = marqeta_events.standin(card=marqeta_card().issuer_card_id)
    report(told)

    again = with_jit(told, token=marqeta_events.token(), method="pgfs.authorization")
    answer = marqeta_events.ask(again | {"type": "authorization"})

    assert "not_an_increment" in marqeta_events.read(answer)["tags"]
    assert Authorization.objects.get().approved_minor == 4500
    assert not FundingCharge.objects.exists()


# What stands already ------------------------------------------------------------------------------------------------


def unseen_increment(card: VirtualCard, *, stands: int = 42_000, amount: int = 15_500, **changes: Any) -> Told:
    history = [{"approved": True, "amount": stands, "reason": "webhook_timeout"}]
    return stripe_events.authorization_request(
        card=card.issuer_card_id, amount=amount, approved_before=stands, **({"history": history} | changes)
    )


@pytest.fixture
def roomy() -> VirtualCard:
    return walkthrough_card(per_transaction_limit_minor=100_000, daily_limit_minor=60_000)


@pytest.mark.parametrize("history", [[], [{"approved": True, "amount": 42_000}]])
def test_what_stands_of_an_unseen_purchase_counts_with_a_case(roomy: VirtualCard, history: list[Told]) -> None:
    asked = unseen_increment(roomy, history=history)

    answers = [stripe_events.post(asked) for _ in range(2)]

    assert answers[0].json()["approved"] is True
    assert answers[0].content == answers[1].content
    assert moved() == ([15_500, 42_000], [15_500], [57_500])
    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor) == ("approved", 57_500)
    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == ("approved_without_us", 42_000)
    assert case.reference == f"authorization:{purchase.pk}"


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("daily_limit_minor", "daily_limit_exceeded"),
        ("monthly_limit_minor", "monthly_limit_exceeded"),
        ("per_transaction_limit_minor", "per_transaction_limit_exceeded"),
    ],
)
def test_what_stands_leaves_less_of_each_limit(limit: str, why: str) -> None:
    values = {"per_transaction_limit_minor": 100_000, "daily_limit_minor": 100_000} | {limit: 57_499}
    card = walkthrough_card(**values)

    assert reason(stripe_events.post(unseen_increment(card))) == why

    assert moved() == ([42_000], [], [42_000]), "what stands is a fact, whatever we answer"
    assert Authorization.objects.get().approved_minor == 42_000
    assert Case.objects.get().kind == "approved_without_us"
    assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=15_499)).json()[
        "approved"
    ]


def test_a_missed_round_of_a_known_purchase_counts_once(roomy: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=roomy.issuer_card_id)
    stripe_events.post(asked)

    for stands, rounds in ((9000, 2), (9900, 3)):
        more = stripe_events.authorization_request(
            card=roomy.issuer_card_id,
            authorization=asked["data"]["object"]["id"],
            amount=900,
            approved_before=stands,
            history=[{"approved": True, "amount": 4500}] * rounds,
        )
        assert stripe_events.post(more).json()["approved"] is True

    assert moved() == ([900, 900, 4500, 4500], [900, 900, 4500], [10_800])
    assert Authorization.objects.get().approved_minor == 10_800
    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == ("approved_without_us", 4500)


def test_less_that_stands_than_we_approved_changes_nothing(roomy: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=roomy.issuer_card_id)
    stripe_events.post(asked)
    more = stripe_events.authorization_request(
        card=roomy.issuer_card_id,
        authorization=asked["data"]["object"]["id"],
        amount=900,
        approved_before=2000,
        history=[{"approved": True, "amount": 4500}],
    )

    assert stripe_events.post(more).json()["approved"] is True
    assert moved() == ([900, 4500], [900, 4500], [5400])
    assert not Case.objects.exists()


def test_what_was_told_of_a_purchase_counts_when_more_is_asked(roomy: VirtualCard) -> None:
    asked = unseen_increment(roomy)
    told = stripe_events.authorization_news(
        asked, amount=42_000, request_history=[{"approved": True, "reason": "network_stip", "amount": 42_000}]
    )
    deliver(told)
    assert (moved(), Case.objects.get().amount_minor) == (([], [], []), 42_000)

    assert stripe_events.post(asked).json()["approved"] is True

    assert moved() == ([15_500, 42_000], [15_500], [57_500])
    assert (Case.objects.get().kind, Case.objects.get().amount_minor) == ("approved_without_us", 42_000)


def test_an_unknown_amount_that_stands_is_declined(roomy: VirtualCard) -> None:
    asked = unseen_increment(roomy, history=[{"approved": True}], amount=900)
    del asked["data"]["object"]["amount"]

    assert reason(stripe_events.post(asked)) == "increment_of_unknown"
    assert moved() == ([], [], [])
    assert len(contradictions()) == 1


def test_marqetas_increment_of_a_purchase_we_never_saw_is_declined() -> None:
    unseen = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)

    answer = marqeta_events.ask(marqeta_events.increment(unseen))

    assert answer.status_code == 402
    assert "increment_of_unknown" in marqeta_events.read(answer)["tags"]
    assert moved() == ([], [], [])
    assert len(contradictions()) == 1


@pytest.mark.parametrize("by", ["jit tokens", "transaction tokens"])
@pytest.mark.parametrize("known", [True, False])
def test_marqetas_increment_after_a_missed_one_is_declined(by: str, known: bool) -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(first)
    before = marqeta_events.increment(first)
    asked_before = under_new_jit_token(before)
    if known:
        assert [marqeta_events.ask(each).status_code for each in (before, asked_before)] == [200, 200]
    more = marqeta_events.increment(first, amount=7)
    if by == "jit tokens":
        earlier = [asked_before["gpa_order"]["jit_funding"]["token"]]
        more = with_jit(more, incremental_authorization_jit_funding_tokens=earlier)
    else:
        more |= {"incremental_authorization_transaction_tokens": [before["token"]]}

    answer = marqeta_events.ask(more)

    assert answer.status_code == (200 if known else 402)
    assert Authorization.objects.get().approved_minor == (5700 if known else 4500)
    assert len(contradictions()) == (0 if known else 1)


def test_a_late_approval_taken_back_leaves_what_stood(roomy: VirtualCard) -> None:
    stripe_events.post(unseen_increment(roomy))
    with transaction():
        lifecycle.undo_round(Decision.objects.get(), actor="test")

    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor) == ("approved", 42_000)
    assert moved()[0] == [42_000]
    assert moved()[2] == [42_000]


@pytest.mark.parametrize("policy", ["charge_now", "hold_then_capture"])
def test_what_stood_is_charged_once_when_it_is_captured(roomy: VirtualCard, settings: Any, policy: str) -> None:
    settings.FUNDING_POLICY = policy
    asked = unseen_increment(roomy)
    stripe_events.post(asked)
    history = [{"approved": True, "reason": "network_stip", "amount": 42_000}]
    history.append({"approved": True, "reason": "webhook_approved", "amount": 15_500})

    for _ in range(2):
        deliver(news(asked, "pending", amount=57_500, request_history=history))
        work()
    deliver(captured(asked, 57_500), news(asked, "closed", amount=57_500, request_history=history))
    work()

    assert asked_of_cards() == 57_500
    assert not Case.objects.filter(status="open").exists()
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {57_500}


def test_the_end_of_the_purchase_frees_what_stood(roomy: VirtualCard) -> None:
    asked = unseen_increment(roomy)
    stripe_events.post(asked)
    deliver(news(asked, "reversed", amount=0))

    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}
    assert Authorization.objects.get().approved_minor == 0
    assert not Case.objects.filter(status="open").exists()


def test_marqetas_next_increment_counts_what_was_told_meanwhile() -> None:
    unseen = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    assert marqeta_events.ask(marqeta_events.increment(unseen)).status_code == 402
    report(marqeta_events.outcome(unseen, standin_approved_by="NETWORK"))
    assert Case.objects.get(kind="approved_without_us").amount_minor == 4500

    assert marqeta_events.ask(marqeta_events.increment(unseen)).status_code == 200

    assert moved() == ([500, 4500], [500], [5000])
    assert Authorization.objects.get().approved_minor == 5000


def test_the_purchases_page_says_what_the_issuer_approved_alone(roomy: VirtualCard) -> None:
    stripe_events.post(unseen_increment(roomy))
    page = reverse("admin:issuing_authorization_change", args=[Authorization.objects.get().pk])

    shown = text_of(logged_in().get(page))

    assert "Of that by the issuer alone" in shown
    assert "420.00" in shown


# No contradiction costs a round trip --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "trips"),
    [("good", 2), ("increment", 2), ("repeat", 1), ("another card", 2), ("a used id", 2), ("another account", 1)],
)
def test_every_answer_takes_two_round_trips_at_most(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, kind: str, trips: int
) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    question = {
        "good": stripe_events.authorization_request(card=card.issuer_card_id),
        "increment": later_round(asked, card=card.issuer_card_id),
        "repeat": asked,
        "another card": later_round(asked, card=other_card().issuer_card_id),
        "a used id": stripe_events.authorization_request(card=card.issuer_card_id) | {"id": asked["id"]},
        "another account": asked | {"account": "acct_other"},
    }[kind]
    run, made = store._run, []
    monkeypatch.setattr(store, "_run", lambda *args: made.append(args) or run(*args))

    with CaptureQueriesContext(connection) as by_django:
        stripe_events.post(question)

    assert len(made) == trips
    assert len(by_django) == 0


# A person resolves it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["another card", "a used id", "another account"])
def test_staff_see_and_resolve_a_contradictions_case(card: VirtualCard, kind: str) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    stripe_events.post(
        {
            "another card": later_round(asked, card="ic_nobody"),
            "a used id": stripe_events.authorization_request(card="ic_nobody") | {"id": asked["id"]},
            "another account": stripe_events.authorization_request(card="ic_nobody") | {"account": "acct_other"},
        }[kind]
    )
    (case,) = contradictions()
    client = logged_in()
    page = reverse("admin:wallet_case_change", args=[case.pk])

    shown = client.get(page)

    assert client.get(references.page_of(case.reference)).status_code == 200
    assert f'href="{html.escape(references.page_of(case.reference))}"' in shown.content.decode()
    assert "Compare the event with the issuer" in text_of(shown)
    client.post(reverse("admin:wallet_case_act", args=[case.pk, "resolve"]), {"reason": "The issuer mended it."})
    case.refresh_from_db()
    assert (case.status, case.resolution) == ("resolved", "The issuer mended it.")
