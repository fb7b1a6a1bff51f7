"""A capture or a refund that was joined with the wrong purchase is moved to the right one, and money follows."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.clearing import match_correction
from issuing.clearing.manual_matching import LinkRefusedError
from issuing.models import Authorization, CardTransaction, Dispute, SpendWindow, VirtualCard
from onecard.kit import clock
from tests.issuing.reconcile.books import books
from tests.support import stripe_events
from tests.support.back_office import logged_in, sentences, text_of
from tests.support.factories import UserFactory, VirtualCardFactory
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.accounts import Account
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingRefund, Posting

pytestmark = [pytest.mark.django_db, pytest.mark.only_in_proofs]
WHY = "The merchant's receipt names the other purchase."


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def bought(card: VirtualCard, amount: int) -> dict[str, Any]:
    """A purchase that is captured, closed and paid."""
    asked = approve_purchase(card, amount)
    deliver_events(transaction_event(asked, amount), update_event(asked, "closed", amount=0))
    run_workers()
    return asked


def of(asked: dict[str, Any]) -> Authorization:
    return Authorization.objects.get(issuer_authorization_id=asked["data"]["object"]["id"])


def paid(asked: dict[str, Any]) -> int:
    """What the cardholder paid for a purchase, less what went back."""
    name = of(asked).reference
    charges = FundingCharge.objects.filter(status="succeeded", obligation__purchase=name)
    given = FundingRefund.objects.filter(status="succeeded", obligation__purchase=name)
    return sum(each.obligation.payable.minor for each in charges) - sum(each.amount_minor for each in given)


def in_clearing(reference: str) -> int:
    return ledger.balance(Account.PURCHASES, currency="USD", reference=reference)


def movement(kind: str) -> CardTransaction:
    return CardTransaction.objects.filter(transaction_type=kind).latest("pk")


def books_are_right() -> bool:
    return not ledger_check.check() and not books()[1]


def correct(kept: CardTransaction, purchase: Authorization | None, reason: str = WHY) -> None:
    match_correction.relink(movement=kept, purchase=purchase, reason=reason, actor="user:1")
    run_workers()


@pytest.mark.django_db(transaction=True)
def test_a_refund_moves_to_the_purchase_it_is_of(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()
    assert (paid(wrong), paid(right)) == (1500, 6000)

    correct(movement("refund"), of(right))

    assert (paid(wrong), paid(right)) == (4500, 3000)
    assert [in_clearing(of(each).reference) for each in (wrong, right)] == [0, 0]
    assert movement("refund").authorization == of(right)
    entry = Entry.objects.get(action="transaction.relinked")
    assert (entry.details["was"], entry.details["authorization"]) == (of(wrong).pk, of(right).pk)
    assert entry.details["because"] == WHY
    assert books_are_right()
    assert not Case.objects.filter(status="open").exists()


@pytest.mark.django_db(transaction=True)
def test_a_capture_moves_to_the_purchase_it_is_of(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 700, number=2))
    run_workers()
    assert (paid(wrong), paid(right)) == (5200, 6000)

    correct(movement("settlement"), of(right))

    assert (paid(wrong), paid(right)) == (4500, 6700)
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {4500 + 6700}
    assert books_are_right()


@pytest.mark.django_db(transaction=True)
def test_what_names_a_moved_capture_later_follows_it(card: VirtualCard) -> None:
    """Also where nobody was asked for the capture, so that a purchase has its name."""
    right = bought(card, 4500)
    forced = stripe_events.event(
        "issuing_transaction.created", transaction_event(right, 700, number=2)["data"]["object"]
    )
    forced["data"]["object"] |= {"id": "ipi_forced", "authorization": None}
    deliver_events(forced)
    run_workers()
    correct(movement("settlement"), of(right))
    assert paid(right) == 5200

    deliver_events(
        transaction_event(
            {"data": {"object": right["data"]["object"] | {"id": "ipi_forced"}}}, 300, kind="refund", number=3
        )
    )
    run_workers()

    assert movement("refund").authorization == of(right)
    assert paid(right) == 4900
    assert not Case.objects.filter(status="open").exists()
    assert books_are_right()


@pytest.mark.django_db(transaction=True)
def test_a_correction_can_be_corrected(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()

    for purchase in (of(right), of(wrong), of(right)):
        correct(movement("refund"), purchase)

    assert (paid(wrong), paid(right)) == (4500, 3000)
    assert Posting.objects.filter(key__startswith="relinked:").count() == 6
    assert books_are_right()


def test_a_refund_of_no_purchase_is_booked_by_itself(card: VirtualCard) -> None:
    wrong = bought(card, 4500)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()

    correct(movement("refund"), None)

    kept = movement("refund")
    assert (kept.authorization, kept.of_no_purchase_at is not None) == (None, True)
    assert paid(wrong) == 4500
    assert in_clearing(kept.reference) == -3000
    case = Case.objects.get(status="open")
    assert (case.kind, str(case.money)) == ("credit_left", "30.00 USD")
    assert not ledger_check.check()


def test_told_again_by_its_issuer_it_stays_where_a_person_put_it(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    event = transaction_event(wrong, 3000, kind="refund")
    deliver_events(event)
    run_workers()
    correct(movement("refund"), of(right))

    deliver_events(event | {"id": "evt_again", "type": "issuing_transaction.updated"})
    run_workers()

    assert movement("refund").authorization == of(right)
    assert (paid(wrong), paid(right)) == (4500, 3000)


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_move_it_once(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()
    kept, purchase = movement("refund"), of(right)

    def click() -> str:
        try:
            match_correction.relink(movement=kept, purchase=purchase, reason=WHY, actor="user:1")
        except LinkRefusedError:
            return "refused"
        return "done"

    answers = at_once([click] * 6)
    run_workers()

    assert sorted(answers) == ["done"] + ["refused"] * 5
    assert (paid(wrong), paid(right)) == (4500, 3000)
    assert Posting.objects.filter(key__startswith="relinked:").count() == 2


def test_nothing_moves_to_another_persons_purchase(card: VirtualCard) -> None:
    wrong = bought(card, 4500)
    other = bought(walkthrough_card(issuer_card_id="ic_other"), 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()

    with pytest.raises(LinkRefusedError, match="another person"):
        correct(movement("refund"), of(other))

    assert (paid(wrong), paid(other)) == (1500, 6000)
    assert not Posting.objects.filter(key__startswith="relinked:").exists()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_without_a_reason_nothing_moves(card: VirtualCard, reason: str) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))

    with pytest.raises(LinkRefusedError, match="reason"):
        correct(movement("refund"), of(right), reason)

    assert movement("refund").authorization == of(wrong)


def test_what_is_disputed_or_joined_with_nothing_stays(card: VirtualCard) -> None:
    wrong = bought(card, 4500)
    capture = movement("settlement")
    CardTransaction.objects.filter(pk=capture.pk).update(transaction_type="chargeback")
    assert "dispute" in match_correction.why_not(movement("chargeback"))
    CardTransaction.objects.filter(pk=capture.pk).update(transaction_type="settlement", authorization=None)
    assert "no link" in match_correction.why_not(movement("settlement"))
    CardTransaction.objects.filter(pk=capture.pk).update(authorization=of(wrong), currency="EUR")
    assert "exchanged" in match_correction.why_not(movement("settlement"))


def test_staff_correct_a_link_on_the_page(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()
    kept, client = movement("refund"), logged_in()
    page = reverse("admin:issuing_cardtransaction_change", args=[kept.pk])
    act = reverse("admin:issuing_cardtransaction_correct_link", args=[kept.pk])
    assert "This link is wrong" in text_of(client.get(page))
    asked = text_of(client.get(act))
    assert "None that we have" in asked
    assert "60.00 USD taken and not given back" in asked

    answer = client.post(act, {"purchase": str(of(right).pk), "reason": WHY}, follow=True)
    run_workers()

    assert "The link is corrected" in sentences(answer)
    assert (paid(wrong), paid(right)) == (4500, 3000)


def test_the_page_refuses_a_purchase_that_is_not_offered(card: VirtualCard) -> None:
    wrong = bought(card, 4500)
    other = bought(walkthrough_card(issuer_card_id="ic_other"), 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    act = reverse("admin:issuing_cardtransaction_correct_link", args=[movement("refund").pk])

    answer = logged_in().post(act, {"purchase": str(of(other).pk), "reason": WHY})

    assert "Select a valid choice" in text_of(answer)
    assert movement("refund").authorization == of(wrong)


def test_who_may_only_look_corrects_nothing(card: VirtualCard) -> None:
    wrong = bought(card, 4500)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    looker = UserFactory(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_cardtransaction"))
    act = reverse("admin:issuing_cardtransaction_correct_link", args=[movement("refund").pk])

    assert logged_in(looker).post(act, {"purchase": "none", "reason": WHY}).status_code == 403
    assert movement("refund").authorization == of(wrong)


def test_one_person_moves_no_money_between_two_cardholders(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()
    other = VirtualCardFactory()
    CardTransaction.objects.filter(pk=movement("refund").pk).update(card=other)

    for purchase in (of(right), None):
        with pytest.raises(LinkRefusedError, match="between two cardholders"):
            correct(movement("refund"), purchase)

    assert (paid(wrong), paid(right)) == (1500, 6000)
    assert not Posting.objects.filter(key__startswith="relinked:").exists()


def test_nothing_moves_to_a_disputed_purchase(card: VirtualCard) -> None:
    wrong, right = bought(card, 4500), bought(card, 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()
    now = clock.now()
    Dispute.objects.create(
        provider="stripe", issuer_dispute_id="idp_1", authorization=of(right), status="submitted",
        amount_minor=6000, currency="USD", opened_at=now, updated_at=now,
    )  # fmt: skip

    with pytest.raises(LinkRefusedError, match="disputed"):
        correct(movement("refund"), of(right))

    assert movement("refund").authorization == of(wrong)
