"""Marqeta's event batches: proven genuine, stored row by row, and the same end in whatever order they come."""

import itertools
import time
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, Hold, IssuerEvent, SpendWindow, VirtualCard
from tests.support import marqeta_events
from tests.support.marqeta_events import ask, gateway_request, increment, later, outcome, report, signed, standin
from tests.support.orders import in_each_order
from tests.support.wallets import marqeta_card
from wallet.models import Case, FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return marqeta_card()


def deliver(*rows: Any, key: str = "transactions") -> None:
    """Posts a batch and lets a worker look at everything that waits."""
    assert report({key: list(rows)}).status_code == 200
    work()


def work(**how: Any) -> None:
    for event in IssuerEvent.objects.filter(status="received").order_by("id"):
        dispatch.handle(event_pk=event.pk, **how)


def approved(card: VirtualCard, **question: Any) -> dict[str, Any]:
    asked = gateway_request(card=card.issuer_card_id, **question)
    assert ask(asked).status_code == 200
    return asked


def spent() -> set[int]:
    return set(SpendWindow.objects.values_list("spent_minor", flat=True))


def end() -> tuple[Any, ...]:
    purchase = Authorization.objects.latest("id")
    # What counts without a decision is in tests/issuing/limits.
    holds = sorted(Hold.objects.filter(authorization=purchase).exclude(decision=None).values_list("status", flat=True))
    cases = Case.objects.filter(reference=f"authorization:{purchase.pk}", status="open").count()
    return purchase.status, purchase.approved_minor, tuple(holds), cases


def test_an_approvals_update_adds_the_code_and_changes_no_money(card: VirtualCard) -> None:
    asked = approved(card)

    deliver(outcome(asked))

    assert Authorization.objects.get().authorization_code == "123456"
    assert spent() == {4500}
    assert IssuerEvent.objects.latest("id").event_id == f"transaction:{asked['token']}:PENDING"


def test_an_approval_that_timed_out_is_released(card: VirtualCard) -> None:
    asked = approved(card)

    deliver(outcome(asked, state="DECLINED", timed_out=True))

    assert end() == ("declined", 0, ("released",), 0)
    assert spent() == {0}
    assert FundingCharge.objects.get().status == "canceled"


def test_an_increment_that_timed_out_gives_back_only_its_own_part(card: VirtualCard) -> None:
    first = approved(card)
    more = increment(first)
    ask(more)

    for _ in range(2):
        deliver(outcome(more, state="DECLINED", timed_out=True))

    assert end() == ("approved", 4500, ("placed", "released"), 0)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("authorization.reversal", "reversed"), ("authorization.reversal.issuerexpiration", "expired")],
)
def test_what_did_not_happen_gives_the_limits_back(card: VirtualCard, kind: str, status: str) -> None:
    asked = approved(card)

    deliver(later(asked, kind, state="CLEARED", method="pgfs.authorization.reversal"))

    assert end() == (status, 0, ("released",), 0)
    assert spent() == {0}


def test_a_partial_reversal_restores_its_part_and_a_clearing_nothing(card: VirtualCard) -> None:
    asked = approved(card)

    deliver(later(asked, "authorization.reversal", amount=5, state="PENDING"))
    assert (end()[:2], spent()) == (("approved", 4000), {4000})
    deliver(
        later(asked, "authorization.clearing", amount=10),
        later(asked, "authorization.clearing", amount=50, is_final_clearing=False),
    )

    assert end()[:2] == ("approved", 4000)
    became = IssuerEvent.objects.filter(event_type__startswith="transaction.").order_by("id")
    assert list(became.values_list("status", flat=True)) == ["handled"] * 3
    assert FundingObligation.objects.count() == 2, "what was cleared beyond the hold is charged as well"


@pytest.mark.parametrize("changes", [{}, {"amount": 50}, {"amount": 10, "is_final_clearing": True}])
def test_a_final_clearing_settles(card: VirtualCard, changes: dict[str, Any]) -> None:
    asked = approved(card)

    deliver(later(asked, "authorization.clearing", **changes))

    assert end() == ("settled", 4500, ("placed",), 0)


def test_a_clearing_after_the_end_is_recorded_and_charged_again(card: VirtualCard) -> None:
    asked = approved(card)

    deliver(later(asked, "authorization.reversal", state="CLEARED"))
    deliver(later(asked, "authorization.clearing"))

    assert end() == ("settled", 4500, ("released",), 0)
    owing = FundingObligation.objects.order_by("pk").values_list("status", "amount_minor")
    assert list(owing) == [("released", 4500), ("open", 4500)]


def test_a_stand_in_and_a_force_post_are_recorded_from_the_webhook_alone(card: VirtualCard) -> None:
    alone = later(standin(card=card.issuer_card_id), "authorization.clearing", method="pgfs.force_capture")
    del alone["preceding_related_transaction_token"]

    deliver(standin(card=card.issuer_card_id), alone)

    assert sorted(Authorization.objects.values_list("status", "approved_minor")) == [
        ("approved", 4500),
        ("settled", 4500),
    ]
    assert list(Case.objects.values_list("kind", "amount_minor")) == [("approved_without_us", 4500)] * 2
    assert not FundingCharge.objects.exists()


def test_a_stand_in_for_what_we_refused_is_recorded_with_its_case(card: VirtualCard) -> None:
    asked = gateway_request(card=card.issuer_card_id, amount=501)
    assert ask(asked).status_code == 402

    deliver(outcome(asked, standin_approved_by="COMMANDO_AUTO"), later(asked, "authorization.clearing"))

    assert end() == ("settled", 50_100, (), 1)
    assert Case.objects.get().amount_minor == 50_100


def test_an_increment_approved_without_us_opens_a_case(card: VirtualCard) -> None:
    first = approved(card, amount=400)
    more = increment(first, amount=200)
    assert ask(more).status_code == 402

    deliver(outcome(more, standin_approved_by="COMMANDO_AUTO"))

    assert end() == ("approved", 40_000, ("placed",), 1)
    assert Case.objects.get().amount_minor == 20_000


def test_an_event_that_overtakes_our_commit_waits_and_is_recorded(card: VirtualCard) -> None:
    asked = gateway_request(card=card.issuer_card_id)
    deliver(outcome(asked))
    assert not Authorization.objects.exists()

    late = IssuerEvent.objects.get().received_at + dispatch.WAIT_FOR_DECISION * 2
    work(now=late)

    assert end() == ("approved", 4500, (), 1)


def purchase_rows(card: VirtualCard, story: str) -> list[dict[str, Any]]:
    if story.startswith("standin"):
        stood = standin(card=card.issuer_card_id)
        kind, state = ("reversal", "CLEARED") if story == "standin reversed" else ("clearing", "COMPLETION")
        return [stood, later(stood, f"authorization.{kind}", state=state)]
    first = approved(card)
    more = increment(first)
    ask(more)
    last = {
        "reversed": later(first, "authorization.reversal", amount=50, state="CLEARED"),
        "expired": later(first, "authorization.reversal.issuerexpiration", amount=50, state="CLEARED"),
        "cleared": later(first, "authorization.clearing", amount=50, is_final_clearing=True),
    }
    return [outcome(first), outcome(more), last[story]]


@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("reversed", ("reversed", 0, ("released", "released"), 0)),
        ("expired", ("expired", 0, ("released", "released"), 0)),
        ("cleared", ("settled", 5000, ("placed", "placed"), 0)),
        ("standin reversed", ("reversed", 0, (), 0)),
        ("standin cleared", ("settled", 4500, (), 1)),
    ],
)
def test_every_order_of_one_purchases_rows_ends_the_same(story: str, expected: tuple[Any, ...]) -> None:
    size = 2 if story.startswith("standin") else 3
    rows = purchase_rows(marqeta_card(), story)

    def tell(index: int) -> None:
        deliver(rows[index])
        deliver(rows[index])

    def ends_alike(order: tuple[int, ...]) -> None:
        assert end() == expected, order
        held = Hold.objects.filter(authorization=Authorization.objects.latest("id"))
        counted = sum(hold.amount_minor - hold.released_minor for hold in held)
        assert counted == expected[1], order

    in_each_order(itertools.permutations(range(size)), tell=tell, at_end=ends_alike)


def test_a_batch_survives_its_bad_rows_and_a_repeat_changes_nothing(card: VirtualCard) -> None:
    asked = approved(card)
    rows = [7, None, {"type": "authorization"}, {"token": "t", "type": "authorization"}, outcome(asked)]

    for _ in range(2):
        deliver(*rows)
        stored = IssuerEvent.objects.exclude(event_type__startswith="jit")
        assert (stored.filter(status="rejected").count(), stored.filter(status="handled").count()) == (4, 1)

    deliver(*reversed(rows))
    assert IssuerEvent.objects.count() == 6
    assert Authorization.objects.get().authorization_code == "123456"


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("transactions", {"token": "t1", "type": "gpa.credit.authorization", "state": "PENDING", "amount": 45}),
        ("transactions", {"token": "t1", "type": "made.up", "state": "PENDING"}),
        ("transactions", {"token": "t1", "type": "refund.authorization", "state": "PENDING", "amount": 5}),
        ("cardtransitions", {"token": "t1", "card_token": "c1", "state": "ACTIVE", "type": "state.activated"}),
        ("cards", {"card_token": "c1", "state": "ACTIVE", "type": "state.activated"}),
        ("usertransitions", {"token": "t1", "state": "ACTIVE"}),
        ("madeups", {"token": "t1"}),
    ],
)
def test_twins_and_what_is_not_acted_on_are_kept_once(key: str, row: dict[str, Any]) -> None:
    for _ in range(2):
        deliver(row, key=key)

    event = IssuerEvent.objects.get()
    assert (event.status, bool(event.reason)) == ("kept", True)
    assert not Authorization.objects.exists()


def test_a_deeply_nested_row_does_not_lose_the_others() -> None:
    deep = "[" * 600 + "]" * 600
    body = f'{{"transactions": [{{"token": "t1", "deep": {deep}}}, {{"token": "t2", "type": "made.up"}}]}}'

    assert report(body).status_code == 200

    assert IssuerEvent.objects.get(event_id="transaction:t2:").status == "received"
    assert IssuerEvent.objects.count() == 2


def test_a_clearing_written_with_an_exponent_is_booked(card: VirtualCard) -> None:
    asked = approved(card, amount=100)

    deliver(later(asked, "authorization.clearing", amount=Decimal("1E+2"), is_final_clearing=True))

    assert CardTransaction.objects.get().amount_minor == 10_000


def test_a_batch_of_junk_is_refused_in_bounded_work() -> None:
    began = time.monotonic()

    response = report({"transactions": [{"token": f"t{each}", "type": "made.up"} for each in range(10_000)]})

    assert (response.status_code, b"at most" in response.content) == (413, True)
    assert time.monotonic() - began < 2, "a request of ten thousand rows must not hold a thread for seconds"
    assert IssuerEvent.objects.get().status == "rejected"


@pytest.mark.parametrize("junk", [{f"key{each}": 5 for each in range(10_000)}, {"transactions": [7] * 10_000}])
def test_junk_of_any_shape_is_kept_as_one_rejected_delivery(junk: dict[str, Any]) -> None:
    assert report(junk).status_code == 413

    assert IssuerEvent.objects.get().status == "rejected"


@pytest.mark.only_in_proofs
def test_many_odd_root_keys_of_a_large_delivery_are_kept_once() -> None:
    odd: dict[str, Any] = {f"key{each}": each for each in range(990)}
    began = time.monotonic()

    # A body is masked and hashed before it is kept: once, and not for each key.
    assert report(odd | {"filler": "4242 " * 50_000, "transactions": [{"token": "t1"}]}).status_code == 200

    assert time.monotonic() - began < 20, "the work must not grow with keys times bytes"
    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["received", "rejected"]


def test_a_large_batch_is_stored_in_parts_until_all_of_it_is() -> None:
    rows = [{"token": f"t{each}", "type": "made.up", "state": "PENDING"} for each in range(250)]

    answers = [report({"transactions": rows}).status_code for _ in range(4)]

    assert answers == [503, 503, 200, 200]
    assert IssuerEvent.objects.count() == 250


def test_a_ping_is_answered_and_an_envelope_without_a_list_is_kept() -> None:
    assert report({"pings": [{"token": "marqeta", "payload": "healthcheck"}]}).status_code == 200
    assert not IssuerEvent.objects.exists()
    assert report({"transactions": 5}).status_code == 200
    assert IssuerEvent.objects.get().status == "rejected"


@pytest.mark.parametrize("body", ["", "x", "[]", "[" * 100_000])
def test_a_body_that_is_no_object_is_refused_and_kept(body: str) -> None:
    assert report(body).status_code == 400
    assert IssuerEvent.objects.get().status == "rejected"


BODY = '{"transactions": [{"token": "t1", "type": "made.up"}]}'


@pytest.mark.parametrize("by", ["sha1", "sha256"])
def test_either_algorithm_may_sign(by: str) -> None:
    assert report(BODY, by=by).status_code == 200


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "\xe9",
        "0" * 64,
        lambda: signed(BODY + " "),
        lambda: signed(BODY, secret="another"),
        lambda: "sha256=" + signed(BODY),
        lambda: signed(BODY).upper(),
        lambda: signed(BODY)[:-1],
    ],
)
def test_a_delivery_that_is_not_genuine_is_refused_and_leaves_nothing(signature: Any) -> None:
    given = signature if isinstance(signature, str) else signature()

    assert report(BODY, signature=given).status_code == 401
    assert not IssuerEvent.objects.exists()


def test_basic_is_always_asked_and_the_signature_only_with_a_secret(settings: Any) -> None:
    assert report(BODY, authorization="").status_code == 401
    assert report(BODY, authorization=marqeta_events.basic("x", "y")).status_code == 401
    jit = marqeta_events.basic(settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD)
    assert report(BODY, authorization=jit).status_code == 401
    with override_settings(MARQETA_WEBHOOK_PASSWORD=""):
        assert report(BODY).status_code == 401
    assert not IssuerEvent.objects.exists()
    with override_settings(MARQETA_WEBHOOK_SECRET=""):
        assert report(BODY, signature="").status_code == 200


@pytest.mark.parametrize("kind", ["authorization.reversal.issuerexpiration", "authorization.reversal"])
def test_what_was_cleared_before_the_rest_fell_away_counts_on_the_limits(card: VirtualCard, kind: str) -> None:
    asked = approved(card)
    deliver(later(asked, "authorization.clearing", amount=30, is_final_clearing=False))
    deliver(later(asked, kind, amount=15, state="CLEARED"))
    assert spent() == {3000}
    assert Authorization.objects.get().approved_minor == 3000
