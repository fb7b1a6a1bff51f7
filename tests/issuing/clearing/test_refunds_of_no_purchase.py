"""Refunds of a purchase that we do not have: they are booked alone, and two people pay them out."""

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.urls import reverse

from audit.models import Entry
from issuing.clearing import manual_matching
from issuing.clearing.manual_matching import LinkRefusedError
from issuing.models import Authorization, CardTransaction, VirtualCard
from issuing.reconcile import ledger_balances
from onecard.kit import clock
from tests.issuing.clearing.postings import deliver, posted, report
from tests.issuing.clearing.refunds import EventBody, captured_purchase, known_as, refund_row, stored_transaction
from tests.support import marqeta_events, stripe_events
from tests.support.back_office import logged_in, opened, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.purchases import run_workers
from tests.support.threads import at_once
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.accounts import Account
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.casework import rules as case_rules
from wallet.casework.desk import CaseRefusedError
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingRefund, Posting

pytestmark = pytest.mark.django_db

WHY = "Bought before she had this card"
LATER = dt.timedelta(days=2)


@pytest.fixture
def card() -> VirtualCard:
    return marqeta_card()


@pytest.fixture
def stray(card: VirtualCard) -> EventBody:
    """12.00 that a merchant gave back of a purchase that was never told."""
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    part = refund_row(asked, "12.00")
    report(part)
    return part


@pytest.fixture
def naming(card: VirtualCard) -> tuple[EventBody, EventBody]:
    """A purchase of 45.00 that is told late, and 12.00 that came back of it before and names it, two days ago."""
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    part = refund_row(asked, "12.00") | {"preceding_related_transaction_token": asked["token"]}
    report(part)
    long_ago()
    return asked, part


def long_ago() -> None:
    CardTransaction.objects.update(recorded_at=clock.now() - LATER)


def mark_as_of_no_purchase(part: EventBody, reason: str = WHY) -> None:
    manual_matching.say_of_none(refund=stored_transaction(part), reason=reason, actor="user:1")


def open_cases() -> list[str]:
    return list(Case.objects.filter(status="open").values_list("kind", flat=True))


def in_clearing(part: EventBody) -> int:
    return ledger.balance(Account.PURCHASES, currency="USD", reference=stored_transaction(part).reference)


@pytest.mark.django_db(transaction=True)
class TestSaid:
    def test_it_is_booked_by_itself_and_a_case_asks_for_its_being_paid_out(self, stray: EventBody) -> None:
        assert open_cases() == ["refund_unlinked"]
        assert ledger.balance(Account.ISSUER, currency="USD") == 0

        mark_as_of_no_purchase(stray)

        assert (open_cases(), in_clearing(stray)) == (["credit_left"], -1200)
        assert ledger.balance(Account.ISSUER, currency="USD") == 1200
        assert ledger_balances.check() == ledger_check.check() == []
        assert "12.00 USD that is of no purchase here" in Case.objects.get(status="open").summary
        assert not FundingRefund.objects.exists()
        entry = Entry.objects.get(action="transaction.of_no_purchase", actor="user:1")
        assert entry.details["because"] == WHY

    def test_two_people_close_it_once_its_owner_has_it(self, stray: EventBody) -> None:
        mark_as_of_no_purchase(stray)
        case = Case.objects.get(status="open")
        ada, bob = UserFactory(is_staff=True), UserFactory(is_staff=True)
        with pytest.raises(CaseRefusedError, match=r"12\.00 USD is in clearing"):
            case_actions.resolve(case=case, user=ada, reason=WHY)

        case_proposals.propose(case=case, user=ada, proposal="outside", reason="Sent to her bank")
        case_proposals.agree(case=case, user=bob, reason="It is on the statement")

        assert (open_cases(), in_clearing(stray)) == ([], 0)
        assert ledger.balance(Account.OUTSIDE, currency="USD") == -1200
        assert ledger_balances.check() == ledger_check.check() == []

    def test_nothing_is_joined_with_it_later(self, card: VirtualCard, stray: EventBody) -> None:
        mark_as_of_no_purchase(stray)
        asked, capture = captured_purchase(card, "12.00", hour=8)
        report(capture, stray)
        run_workers()

        assert stored_transaction(stray).authorization_id is None
        assert (open_cases(), Posting.objects.filter(kind="merchant_refund").count()) == (["credit_left"], 1)
        assert not FundingRefund.objects.exists()
        purchase = Authorization.objects.get(pk=known_as(asked))
        with pytest.raises(LinkRefusedError, match="no purchase here"):
            manual_matching.link_by_hand(
                refund=stored_transaction(stray), purchase=purchase, reason=WHY, actor="user:1"
            )

    def test_a_refund_settled_by_hand_does_not_pay_back_a_late_purchase(
        self, naming: tuple[EventBody, EventBody]
    ) -> None:
        asked, part = naming
        mark_as_of_no_purchase(part)
        marqeta_events.ask(asked)
        report(marqeta_events.later(asked, "authorization.clearing"), part)
        run_workers()

        assert stored_transaction(part).authorization_id is None
        assert (open_cases(), in_clearing(part)) == (["credit_left"], -1200)
        assert not FundingRefund.objects.exists()
        assert ledger_balances.check() == ledger_check.check() == []

    def test_a_refund_of_stripe_names_a_purchase_from_before_our_time(self) -> None:
        asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
        asked["data"]["object"]["id"] = "iauth_before_our_time"
        deliver(posted(asked, type="refund", amount=1200))
        kept = CardTransaction.objects.get()
        with pytest.raises(LinkRefusedError, match="iauth_before_our_time, which may yet be reported"):
            manual_matching.say_of_none(refund=kept, reason=WHY, actor="user:1")
        assert not Posting.objects.exists()

        long_ago()
        manual_matching.say_of_none(refund=kept, reason=WHY, actor="user:1")
        assert (open_cases(), ledger_balances.check()) == (["credit_left"], [])


class TestRefused:
    def test_it_is_said_once(self, stray: EventBody) -> None:
        mark_as_of_no_purchase(stray)
        with pytest.raises(LinkRefusedError, match="said already"):
            mark_as_of_no_purchase(stray)
        assert Posting.objects.count() == 1

    @pytest.mark.parametrize("reason", ["", " ", "x" * 201])
    def test_not_without_a_reason(self, stray: EventBody, reason: str) -> None:
        with pytest.raises(LinkRefusedError, match="reason"):
            mark_as_of_no_purchase(stray, reason)
        assert (open_cases(), Posting.objects.count()) == (["refund_unlinked"], 0)

    def test_not_of_what_has_its_purchase(self, card: VirtualCard) -> None:
        asked, capture = captured_purchase(card)
        part = refund_row(asked, "45.00")
        report(capture, part)
        with pytest.raises(LinkRefusedError, match="known already"):
            mark_as_of_no_purchase(part)
        assert stored_transaction(part).authorization_id == known_as(asked)

    def test_not_of_a_capture(self, stray: EventBody) -> None:
        CardTransaction.objects.update(transaction_type="settlement")
        assert "Only a refund" in manual_matching.why_not_of_none(stored_transaction(stray))

    def test_not_of_one_whose_card_nobody_knows(self, stray: EventBody) -> None:
        CardTransaction.objects.update(card=None)
        assert "Sync the issuer first" in manual_matching.why_not_of_none(stored_transaction(stray))

    def test_not_of_an_old_document(self, stray: EventBody) -> None:
        CardTransaction.objects.update(source="legacy")
        assert "before our time" in manual_matching.why_not_of_none(stored_transaction(stray))

    def test_the_database_knows_it_too(self, stray: EventBody, card: VirtualCard) -> None:
        mark_as_of_no_purchase(stray)
        asked, _ = captured_purchase(card)
        with pytest.raises(IntegrityError, match="of_no_purchase_or_of_one"), transaction.atomic():
            CardTransaction.objects.update(authorization=known_as(asked))

    @pytest.mark.django_db(transaction=True)
    def test_of_one_and_of_none_at_once_one_is_heard(self, card: VirtualCard) -> None:
        (first, one), (_, two) = captured_purchase(card), captured_purchase(card, "60.00")
        part = refund_row(first, "12.00")
        report(one, two, part)
        purchase = Authorization.objects.get(pk=known_as(first))

        def press(number: int) -> str:
            try:
                if number % 2:
                    mark_as_of_no_purchase(part)
                else:
                    manual_matching.link_by_hand(
                        refund=stored_transaction(part), purchase=purchase, reason=WHY, actor="user:1"
                    )
            except LinkRefusedError as error:
                return error.message
            return "said"

        assert at_once([lambda number=number: press(number) for number in range(6)]).count("said") == 1
        assert Posting.objects.filter(kind="merchant_refund").count() == 1
        assert (stored_transaction(part).authorization_id is None) == (open_cases() == ["credit_left"])
        assert ledger_balances.check() == ledger_check.check() == []


class TestPage:
    def page(self, act: str, part: EventBody) -> str:
        return reverse(f"admin:issuing_cardtransaction_{act}", args=[stored_transaction(part).pk])

    def test_staff_say_it_there(self, stray: EventBody) -> None:
        client, place = logged_in(superuser()), self.page("say_none", stray)
        shown = text_of(client.get(self.page("change", stray)))
        assert place in shown
        assert "Not known here" in shown
        assert "gave back 12.00 USD" in text_of(client.get(place))

        answer = client.post(place, opened(client, place) | {"reason": WHY}, follow=True)

        assert "booked by itself now" in sentences(answer)
        assert "Of none here, as somebody said on" in text_of(answer)
        assert place not in text_of(answer)
        assert "said already" in sentences(client.post(place, {"reason": WHY}, follow=True))
        case = Case.objects.get(status="open")
        assert case_rules.read_facts(case).not_given_back.minor == 1200

    def test_a_reason_is_asked_for(self, stray: EventBody) -> None:
        answer = logged_in(superuser()).post(self.page("say_none", stray), {"reason": " "})
        assert answer.status_code == 200
        assert "This field is required" in str(answer.context["form"].errors)
        assert open_cases() == ["refund_unlinked"]

    def test_who_may_only_look_cannot(self, stray: EventBody) -> None:
        looker = UserFactory(is_staff=True)
        looker.user_permissions.add(*Permission.objects.filter(codename="view_cardtransaction"))
        client, place = logged_in(looker), self.page("say_none", stray)
        assert place not in text_of(client.get(self.page("change", stray)))
        assert client.post(place, {"reason": WHY}).status_code == 403
        assert open_cases() == ["refund_unlinked"]
