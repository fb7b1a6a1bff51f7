"""The same purchase over Stripe and over Marqeta leaves the same rows; only ids, times and the issuer's name differ."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from issuing.authorizations import close_out
from issuing.models import ControlHit, VelocityCounter, VirtualCard
from onecard.kit import clock
from tests.journeys.conftest import CARD
from tests.journeys.two_issuers import AtMarqeta, AtStripe, Row, Side, settle, snapshot
from tests.sandbox.running import RunningSandbox
from tests.support.controls import condition, in_force, velocity
from tests.support.sandboxes import intents
from wallet.models import FundingCharge, FundingMethod

pytestmark = pytest.mark.only_in_proofs

Story = Callable[[Side, Callable[[], None]], None]
Told = dict[str, list[Row]]


@pytest.fixture
def live_at_both_issuers(both: RunningSandbox) -> Callable[[Story], Told]:
    """Lets a story happen at both issuers, checks that it left the same, and gives what it left."""
    ours = VirtualCard.objects.get(issuer_card_id=CARD)
    twin = {column.attname: getattr(ours, column.attname) for column in VirtualCard._meta.concrete_fields}
    for unlike in ("id", "public_id"):
        del twin[unlike]
    other = VirtualCard.objects.create(**twin | {"issuer_provider": "marqeta", "issuer_card_id": "demo-card"})

    def run(story: Story) -> Told:
        for side in (AtStripe(ours), AtMarqeta(other, both)):
            story(side, lambda: settle(both))
            settle(both)
        at_stripe, at_marqeta = snapshot(ours), snapshot(other)
        for name in at_stripe:
            assert at_stripe[name] == at_marqeta[name], name
        return at_stripe

    return run


def column(rows: list[Row], *names: str) -> list[Any]:
    return [tuple(row[name] for name in names) if len(names) > 1 else row[names[0]] for row in rows]


def cleared(told: Told) -> int:
    """What is left in the clearing account of the purchase, from its postings."""
    signs = {"purchases": 1}
    return sum(
        row["amount_minor"] * (signs.get(row["debit"], 0) - signs.get(row["credit"], 0)) for row in told["postings"]
    )


def set_limit(card: VirtualCard, cents: int) -> None:
    VirtualCard.objects.filter(pk=card.pk).update(per_transaction_limit_minor=cents)


def test_authorize_increment_capture_refund(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.ask_for_more(500)
        wait()
        side.capture(5000, final=True)
        wait()
        side.refund(5000)

    told = live_at_both_issuers(story)

    assert column(told["purchases"], "status", "approved_minor", "mcc", "merchant_country", "authorization_code") == [
        ("settled", 5000, "5812", "US", True)
    ]
    assert column(told["decisions"], "approved", "amount_minor") == [(True, 4500), (True, 500)]
    assert column(told["charges"], "status") == ["succeeded"] * 2
    assert column(told["transactions"], "transaction_type", "amount_minor", "processing_status", "authorization") == [
        ("settlement", 5000, "settled", True),
        ("refund", 5000, "settled", True),
    ]
    assert (
        column(told["transactions"], "merchant_name", "merchant_location", "authorization_code")
        == [("Starbucks Coffee", "Seattle, WA, US", True)] * 2
    )
    assert column(told["windows"], "kind", "spent_minor") == [("day", 5000), ("month", 5000)]
    assert sum(column(told["refunds"], "amount_minor")) == 5000
    assert column(told["refunds"], "status") == ["succeeded"] * len(told["refunds"])
    assert cleared(told) == 0
    assert told["cases"] == []


def test_an_increment_declined_by_the_limit_and_a_reversal(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        set_limit(side.card, 6000)
        side.buy(4500)
        wait()
        side.ask_for_more(2000)
        wait()
        side.reverse(4500)

    told = live_at_both_issuers(story)

    assert column(told["decisions"], "approved", "decline_reason") == [
        (True, ""),
        (False, "per_transaction_limit_exceeded"),
    ]
    assert column(told["purchases"], "status", "approved_minor") == [("reversed", 0)]
    assert column(told["holds"], "status") == ["released"]
    assert column(told["windows"], "spent_minor") == [0, 0]
    assert column(told["refunds"], "amount_minor", "status") == [(4500, "succeeded")]
    assert (cleared(told), told["cases"], told["transactions"]) == (0, [], [])


def test_a_velocity_declines_an_increment_and_gets_a_reversal_back(
    live_at_both_issuers: Callable[[Story], Told],
) -> None:
    version = in_force(velocity=velocity(6_000))
    in_force(when=[condition("channel", ["present", "not_present"], "in")], action={"kind": "flag"})

    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.ask_for_more(2000)
        wait()
        side.reverse(4500)

    told = live_at_both_issuers(story)

    assert column(told["decisions"], "approved", "decline_reason") == [(True, ""), (False, version.reason_code)]
    assert column(told["purchases"], "status", "approved_minor") == [("reversed", 0)]
    counters = VelocityCounter.objects.filter(version=version)
    assert list(counters.values_list("spent_minor", "count")) == [(0, 0), (0, 0)]
    hits = ControlHit.objects.order_by("pk").values_list("action", "decision__amount_minor")
    # The increment was flagged before its counter declined it.
    assert list(hits) == [("flag", 4500), ("flag", 2000), ("decline", 2000)] * 2


def test_a_purchase_that_no_funding_card_can_pay(live_at_both_issuers: Callable[[Story], Told]) -> None:
    FundingMethod.objects.update(status=FundingMethod.Status.DISABLED)

    told = live_at_both_issuers(lambda side, _wait: side.buy(4500))

    assert column(told["decisions"], "approved", "decline_reason") == [(False, "no_funding_card")]
    assert column(told["purchases"], "status", "approved_minor", "authorization_code") == [("declined", 0, False)]
    assert [told[kind] for kind in ("holds", "owed", "charges", "transactions", "cases")] == [[]] * 5


def test_a_capture_in_two_parts(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.capture(2000, final=False)
        wait()
        side.capture(2500, final=True)

    told = live_at_both_issuers(story)

    assert column(told["purchases"], "status", "approved_minor") == [("settled", 4500)]
    assert column(told["transactions"], "amount_minor", "authorization") == [(2000, True), (2500, True)]
    assert (cleared(told), told["refunds"]) == (0, [])


def test_a_first_part_leaves_the_purchase_open(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.capture(2000, final=False)

    told = live_at_both_issuers(story)

    assert column(told["purchases"], "status", "approved_minor") == [("approved", 4500)]
    assert column(told["transactions"], "transaction_type", "amount_minor") == [("settlement", 2000)]
    assert (cleared(told), told["refunds"]) == (-2500, []), "the rest is paid ahead and still held"


def test_a_force_post_that_nobody_asked_us_about(live_at_both_issuers: Callable[[Story], Told]) -> None:
    told = live_at_both_issuers(lambda side, _wait: side.force_post(1900))

    assert told["decisions"] == []
    assert column(told["purchases"], "status", "approved_minor", "merchant_name") == [
        ("settled", 1900, "Starbucks Coffee")
    ]
    assert column(told["transactions"], "transaction_type", "amount_minor", "authorization") == [
        ("settlement", 1900, True)
    ]
    assert column(told["cases"], "kind", "amount_minor") == [("approved_without_us", 1900)]
    # What was taken without asking counts on the card's limits, and on no funding card.
    assert column(told["holds"], "of_capture", "amount_minor") == [(False, 1900)]
    assert told["charges"] == []


def test_a_tip_makes_the_capture_larger_than_the_hold(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.capture(5400, final=True)

    told = live_at_both_issuers(story)

    assert column(told["purchases"], "status", "approved_minor") == [("settled", 4500)]
    assert column(told["transactions"], "amount_minor") == [5400]
    assert column(told["charges"], "status") == ["succeeded"] * 2
    assert column(told["owed"], "amount_minor") == [4500, 900]
    assert (cleared(told), told["cases"]) == (0, [])


def test_a_purchase_that_expires_and_is_captured_late(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.expire()
        wait()
        side.capture(4500, final=True)

    told = live_at_both_issuers(story)

    assert column(told["purchases"], "status", "approved_minor") == [("settled", 4500)]
    assert column(told["transactions"], "transaction_type", "amount_minor") == [("settlement", 4500)]
    assert column(told["refunds"], "amount_minor") == [4500], "given back when it expired"
    assert column(told["charges"], "status") == ["succeeded"] * 2, "and charged again when it was captured after all"
    assert (cleared(told), told["cases"]) == (0, [])


def test_a_held_purchase_is_captured_for_what_the_merchant_took(
    live_at_both_issuers: Callable[[Story], Told], settings: Settings, both: RunningSandbox
) -> None:
    settings.FUNDING_POLICY = "hold_then_capture"

    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.ask_for_more(500)
        wait()
        side.capture(4700, final=True)
        wait()
        close_out.sweep(now=clock.now() + close_out.WITHOUT_CAPTURE)
        wait_for_captures(both)

    told = live_at_both_issuers(story)

    assert column(told["owed"], "amount_minor", "released_minor", "status") == [
        (4500, 0, "funded"),
        (500, 300, "funded"),
    ]
    assert column(told["charges"], "status") == ["succeeded"] * 2
    assert (cleared(told), told["refunds"], told["cases"]) == (0, [], [])
    taken = [intent["amount_received"] for intent in intents(both)]
    assert sorted(taken) == [200, 200, 4500, 4500], "what the processor has, for both issuers' purchases"


def test_a_held_purchase_that_is_reversed_takes_nothing(
    live_at_both_issuers: Callable[[Story], Told], settings: Settings, both: RunningSandbox
) -> None:
    settings.FUNDING_POLICY = "hold_then_capture"

    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.reverse(4500)
        wait()
        wait_for_captures(both)

    told = live_at_both_issuers(story)

    assert column(told["charges"], "status", "failure_code") == [("canceled", "released")]
    assert (told["postings"], told["refunds"], told["cases"]) == ([], [], [])
    assert [intent["status"] for intent in intents(both)] == ["canceled"] * 2


def wait_for_captures(sandbox: RunningSandbox) -> None:
    """Until what is held and due is captured or given up."""
    due = FundingCharge.objects.filter(status__in=("held", "capturing"), next_attempt_at__lte=clock.now())
    until = time.monotonic() + 20
    while due.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    settle(sandbox)


def test_a_dispute_that_is_won(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.capture(4500, final=True)
        wait()
        side.dispute(4500)
        wait()
        side.win(4500)

    told = live_at_both_issuers(story)

    assert column(told["disputes"], "status", "amount_minor", "reason", "transaction", "authorization") == [
        ("won", 4500, "not_received", True, True)
    ]
    assert column(told["transactions"], "transaction_type", "amount_minor", "merchant_name", "authorization") == [
        ("settlement", 4500, "Starbucks Coffee", True),
        ("chargeback", 4500, "Starbucks Coffee", True),
    ]
    assert column(told["refunds"], "amount_minor", "status") == [(4500, "succeeded")]
    assert column(told["cases"], "kind", "status") == [("dispute", "resolved")]
    assert cleared(told) == 0


def test_a_dispute_that_is_lost_is_paid_again(live_at_both_issuers: Callable[[Story], Told]) -> None:
    def story(side: Side, wait: Callable[[], None]) -> None:
        side.buy(4500)
        wait()
        side.capture(4500, final=True)
        wait()
        side.dispute(2000)
        wait()
        side.lose(2000)

    told = live_at_both_issuers(story)

    assert column(told["disputes"], "status", "amount_minor") == [("lost", 2000)]
    assert column(told["transactions"], "transaction_type", "amount_minor", "processing_status") == [
        ("settlement", 4500, "settled"),
        ("chargeback", 2000, "settled"),
        ("chargeback_reversal", 2000, "settled"),
    ]
    assert column(told["charges"], "status") == ["succeeded"] * 2
    assert column(told["refunds"], "amount_minor", "status") == [(2000, "succeeded")]
    assert column(told["cases"], "kind", "status") == [("dispute", "resolved")]
    assert cleared(told) == 0
