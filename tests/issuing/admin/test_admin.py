"""Purchases as staff read them, limits as they edit them, and foreign bytes on our pages."""

import html
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import Entry
from issuing.authorizations import late_approvals
from issuing.handlers import dispatch
from issuing.inbox import bodies
from issuing.issuers.stripe.answers import STRIPE
from issuing.models import Authorization, CardChange, Decision, IssuerEvent, VirtualCard
from onecard.kit import clock, display
from tests.support import stripe_events
from tests.support.back_office import logged_in, send, sentences, superuser, text_of
from tests.support.factories import VirtualCardFactory
from tests.support.wallets import walkthrough_card
from wallet.models import FundingMethod

pytestmark = pytest.mark.django_db


def bought(card: VirtualCard, **asked: Any) -> dict[str, Any]:
    request = stripe_events.authorization_request(card=card.issuer_card_id, **asked)
    stripe_events.post(request)
    return request


def story(pk: int | None = None) -> str:
    pk = pk or Authorization.objects.latest("pk").pk
    return text_of(logged_in().get(reverse("admin:issuing_authorization_change", args=[pk])))


def listing(**query: str) -> str:
    return text_of(logged_in().get(reverse("admin:issuing_authorization_changelist"), query))


def test_a_purchase_tells_its_decision_reward_hold_charge_and_trail() -> None:
    card = walkthrough_card()
    bought(card)
    decision = Decision.objects.get()

    shown = story()

    for words in (
        "Starbucks Coffee",
        "Round 1: 45.00 USD",
        "to replace the backup it needs 2.25 (1.5 x the backup&#x27;s 1.50)",
        "135 points",
        "0.675 USD",
        "+0.90 USD (+200 %)",
        "the funding card's issuer may see that one",
        "Written down; the processor has not taken it yet.",
        "45.00 USD spent by now",
        "Check again under the lock and commit",
        "Rulebook version",
        "authorization.approved",
        "&quot;pending_request&quot;",
        str(decision.public_id),
    ):
        assert words in shown, words
    assert [effective for effective in ("2.00", "1.50", "0.50") if f'class="oc-num">{effective}<' not in shown] == []
    assert shown.count('class="oc-chosen"') == 1


@override_settings(MERCHANT_MCC_PASSED_THROUGH=True)
def test_a_code_that_was_passed_through_has_no_note_about_its_merchant() -> None:
    bought(walkthrough_card())

    assert "may see that one" not in story()


def test_a_card_that_was_left_out_says_why() -> None:
    card = walkthrough_card()
    FundingMethod.objects.filter(network="amex").update(status="disabled")
    FundingMethod.objects.filter(network="visa").update(expiry_year=2020)
    bought(card)

    shown = story()

    assert "Left out: disabled or detached" in shown
    assert "Left out: expired" in shown


def test_rounds_and_a_correction_follow_each_other() -> None:
    card = walkthrough_card()
    first = bought(card)
    again = {"authorization": first["data"]["object"]["id"], "approved_before": 4500}
    second = bought(card, amount=500, history=[{"approved": True, "amount": 4500}], **again)
    late_approvals.withdraw_approval(provider="stripe", event_id=second["id"], answers=STRIPE)

    shown = story()

    assert shown.index("Round 1: 45.00 USD") < shown.index("Round 2: 5.00 USD") < shown.index("Correction of round 2")
    assert "Approved, then taken back" in shown
    assert "This takes back an earlier answer" in shown


def test_a_decline_says_why_in_words() -> None:
    card = walkthrough_card(per_transaction_limit_minor=100)
    bought(card)

    words = "Limit for one purchase of 1.00 USD: 0.00 USD approved before, 1.00 USD left, 45.00 USD asked for."
    assert words in story()
    assert words in listing()
    assert "45.00 USD" in listing()


def test_pages_open_for_a_purchase_without_a_card_or_a_decision() -> None:
    bought(VirtualCardFactory.build(issuer_card_id="ic_nobody"))
    assert "We have no card with this id." in story()

    request = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    by_network = [{"approved": True, "reason": "verified_by_card_network", "amount": 4500}]
    stripe_events.post(stripe_events.authorization_update(request, request_history=by_network))
    dispatch.handle(event_pk=IssuerEvent.objects.latest("pk").pk)

    shown = story()
    assert "No decision of ours" in shown
    assert "Open case: Issuer approved by itself, nobody was charged" in shown


def further_round(first: dict[str, Any], card: VirtualCard, number: int, **asked: Any) -> None:
    """One more round of 1.00 USD after so many that were approved."""
    earlier = {"approved_before": 100 * number, "history": [{"approved": True, "amount": 100}] * number}
    bought(card, **{"amount": 100, "authorization": first["data"]["object"]["id"], **earlier, **asked})


def cost(client: Any) -> list[str]:
    """The statements of a purchase's page that was opened before."""
    page = reverse("admin:issuing_authorization_change", args=[Authorization.objects.get().pk])
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        client.get(page)
    return [each["sql"] for each in queries.captured_queries]


@pytest.fixture
def no_hurry(settings: Any) -> Iterator[None]:
    """A busy machine declines no round, and no minute passes, after which a session is written."""
    settings.DECISION_DEADLINE_MS = 60_000
    with time_machine.travel(clock.now(), tick=False):
        yield


@pytest.mark.usefixtures("no_hurry")
def test_a_story_costs_the_same_however_many_rounds_it_has() -> None:
    card = walkthrough_card()
    first = bought(card, amount=100)
    client, counts = logged_in(), []
    for rounds in range(1, 4):
        counts.append(len(cost(client)))
        further_round(first, card, rounds)

    assert Decision.objects.filter(approved=True).count() == 4
    assert counts[0] == counts[1] == counts[2]
    assert counts[0] <= 36


@pytest.mark.usefixtures("no_hurry")
def test_a_declined_round_costs_a_story_nothing() -> None:
    card = walkthrough_card(per_transaction_limit_minor=1000)
    first, client = bought(card, amount=100), logged_in()
    before = cost(client)

    further_round(first, card, 1, amount=5000)

    assert Decision.objects.filter(approved=False).count() == 1
    after = cost(client)
    assert len(after) == len(before), [each for each in after if each not in before]


def test_purchases_are_found_by_issuer_id_merchant_last_four_and_decision() -> None:
    card = walkthrough_card(last_four="7531")
    wanted = bought(card)["data"]["object"]["id"]
    decision = Decision.objects.get()
    charged = decision.obligation.charges.get().method.last_four
    other = VirtualCardFactory(cardholder=card.cardholder, last_four="0246")
    elsewhere = {"name": "Somewhere else", "category_code": "5999"}
    bought(other, mcc="5999", merchant_data=elsewhere)
    Authorization.objects.filter(merchant_name="Somewhere else").update(status="declined")

    for text in (wanted, "starbucks", "7531", str(decision.public_id)):
        assert "Starbucks Coffee" in listing(q=text), text
        assert "Somewhere else" not in listing(q=text), text
    assert "Starbucks Coffee" in listing(q=charged)
    assert "Somewhere else" not in listing(mcc="5812")
    assert "Starbucks Coffee" not in listing(status__exact="declined")


def test_the_link_of_a_decision_leads_to_its_purchase() -> None:
    bought(walkthrough_card())
    decision = Decision.objects.get()

    answer = logged_in().get(reverse("admin:issuing_authorization_of_decision", args=[decision.public_id]))

    page = reverse("admin:issuing_authorization_change", args=[decision.authorization_id])
    assert answer.url == f"{page}#decision-{decision.public_id}"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a":"<script>alert(1)</script>"}', "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (b'{"a":"\\ud800 \\u0000 \\u202e"}', "\\ud800 \\u0000 \\u202e"),
        (b"\xff\xfe not text \x00", "\\xff\\xfe not text \\x00"),
        (b"[" * 50_000, "[[[["),
        (b"", "(empty)"),
    ],
)
def test_any_body_is_shown_harmlessly(body: bytes, shown: str) -> None:
    event = IssuerEvent.objects.create(provider="stripe", event_id="evt_odd", received_at=clock.now())
    bodies.keep(event, body)

    page = logged_in().get(reverse("admin:issuing_issuerevent_change", args=[event.pk]))

    assert page.status_code == 200
    assert shown in page.content.decode()


def test_a_very_long_body_is_cut_on_the_page_and_says_so() -> None:
    shown = display.pretty_body(b"x" * 500_000)

    assert len(shown) < 70_000
    assert "500,000 bytes in all" in shown


def limits_page(card: VirtualCard) -> str:
    return reverse("admin:issuing_virtualcard_change_limits", args=[card.pk])


def complaints(answer: Any) -> str:
    """All that the page says is wrong, beside its fields and above them."""
    return html.unescape(" ".join([sentences(answer), str(answer.context["form"].errors)]))


def test_limits_are_changed_with_a_reason_and_kept_to_the_cent() -> None:
    card, boss = VirtualCardFactory(), superuser()

    send(logged_in(boss), limits_page(card), daily_limit="1,234.56", reason="A journey.", status="closed")

    changed = VirtualCard.objects.get(pk=card.pk)
    assert (changed.daily_limit_minor, changed.version) == (123456, card.version + 1)
    assert (changed.status, changed.last_four) == ("active", card.last_four)
    entry = Entry.objects.get(action__endswith="changed")
    changes = {"daily_limit_minor": [100000, 123456]}
    assert (entry.actor, entry.details) == (f"user:{boss.pk}", {"changes": changes, "reason": "A journey."})
    change = CardChange.objects.get()
    assert (change.kind, change.status, change.requested_by) == ("limits", "intended", f"user:{boss.pk}")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"monthly_limit": "5000.005"}, "is not an amount of USD"),
        ({"per_transaction_limit": "-1"}, "A limit is not negative"),
        ({"monthly_limit": "lots"}, "is not an amount of USD"),
        ({"monthly_limit": "6000", "reason": ""}, "This field is required"),
        ({"monthly_limit": "6000", "reason": "\x00 "}, ""),
        ({}, "change one of them"),
        ({"monthly_limit": "6000", "shown": "1,2,3"}, "The limits were changed after you opened the page"),
        ({"monthly_limit": "6000", "shown": "x"}, "The limits were changed after you opened the page"),
    ],
)
def test_a_bad_limit_gets_a_sentence(wrong: dict[str, str], sentence: str) -> None:
    card = VirtualCardFactory()

    answer = send(logged_in(), limits_page(card), **{"reason": "A journey.", **wrong})

    assert sentence in complaints(answer)
    assert VirtualCard.objects.get(pk=card.pk).monthly_limit_minor == card.monthly_limit_minor
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"daily_limit": "400.00"}, "The limit for one purchase cannot exceed the day's"),
        ({"monthly_limit": "999.99"}, "nor the day's the month's"),
        ({"per_transaction_limit": "1000.01"}, "The limit for one purchase cannot exceed the day's"),
        ({"daily_limit": "9000", "monthly_limit": "20000"}, "The higher one waits for a second person"),
        ({"daily_limit": "20000"}, "nor the day's the month's"),
    ],
)
def test_limits_out_of_order_are_refused(limits: dict[str, str], sentence: str) -> None:
    card = VirtualCardFactory()

    answer = send(logged_in(), limits_page(card), reason="A journey.", **limits)

    assert sentence in complaints(answer)
    assert not Entry.objects.exists()
    assert not CardChange.objects.exists()


def test_the_database_refuses_limits_out_of_order() -> None:
    card = VirtualCardFactory()
    for wrong in ({"daily_limit_minor": 49_999}, {"monthly_limit_minor": 99_999}):
        with pytest.raises(IntegrityError, match="card_limits_in_order"), transaction.atomic():
            VirtualCard.objects.filter(pk=card.pk).update(**wrong)


def test_limits_follow_the_currency() -> None:
    card = VirtualCardFactory(currency="JPY", per_transaction_limit_minor=5000, daily_limit_minor=5000)

    send(logged_in(), limits_page(card), daily_limit="7000", reason="A journey.")

    assert VirtualCard.objects.get(pk=card.pk).daily_limit_minor == 7000


def test_virtual_cards_are_neither_added_nor_deleted_here() -> None:
    card, client = VirtualCardFactory(), logged_in()

    assert client.post(reverse("admin:issuing_virtualcard_add"), {}).status_code == 403
    assert client.post(reverse("admin:issuing_virtualcard_delete", args=[card.pk]), {"post": "yes"}).status_code == 403
