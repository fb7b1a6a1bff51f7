"""Disputes of which the issuer says nothing any more: ended by a person as the money stands, and never against it."""

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.disputes import silent as silent_disputes
from issuing.disputes.silent import StillOpenError
from issuing.models import CardTransaction, Dispute
from onecard.kit import clock
from tests.issuing.disputes.dispute_events import (
    CREATED,
    LATER,
    REINSTATED,
    EventBody,
    dispute_closed,
    dispute_event,
    settled_purchase,
)
from tests.support.back_office import logged_in, opened, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.purchases import deliver_events, run_workers
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingRefund, Posting

pytestmark = pytest.mark.django_db

WHY = "The issuer's dashboard does not list it any more"


@pytest.fixture
def asked() -> EventBody:
    """A captured purchase with a dispute that was begun long ago."""
    purchase = settled_purchase(walkthrough_card())
    deliver_events(CREATED(purchase))
    be_silent()
    return purchase


def be_silent(days: int = 121) -> None:
    Dispute.objects.update(updated_at=clock.now() - dt.timedelta(days=days))


def end(reason: str = WHY) -> str:
    return silent_disputes.end(dispute=Dispute.objects.get(), reason=reason, actor="user:1")


def status() -> str:
    return Dispute.objects.get().status


def open_cases() -> list[str]:
    return list(Case.objects.filter(status="open").values_list("kind", flat=True))


class TestEnded:
    def test_it_is_lost_where_nothing_came_back_and_its_case_is_closed(self, asked: EventBody) -> None:
        assert open_cases() == ["dispute"]
        postings = Posting.objects.count()

        assert end() == "lost"

        assert (status(), open_cases(), Posting.objects.count()) == ("lost", [], postings)
        assert Entry.objects.get(action="dispute.lost", actor="user:1").details["because"] == WHY

    def test_it_is_won_where_money_came_back(self, asked: EventBody) -> None:
        deliver_events(REINSTATED(asked))
        be_silent()
        assert (end(), open_cases()) == ("won", [])

    @pytest.mark.parametrize("at", [LATER, None])
    def test_what_its_issuer_says_after_all_counts_however_old(self, asked: EventBody, at: int | None) -> None:
        end()
        deliver_events(dispute_event(asked, "closed", "won", **({"at": at} if at else {})))
        deliver_events(REINSTATED(asked))
        run_workers()
        assert (status(), open_cases()) == ("won", [])
        assert FundingRefund.objects.get().amount_minor == 4500

    def test_the_same_word_again_changes_nothing(self, asked: EventBody) -> None:
        end()
        deliver_events(dispute_closed("lost")(asked))
        assert (status(), open_cases()) == ("lost", [])


class TestRefused:
    def test_while_its_issuer_may_still_speak(self, asked: EventBody) -> None:
        be_silent(119)
        with pytest.raises(StillOpenError, match="may still say how it ends"):
            end()
        assert (status(), open_cases()) == ("unsubmitted", ["dispute"])

    def test_while_something_is_credited(self, asked: EventBody) -> None:
        deliver_events(REINSTATED(asked))
        CardTransaction.objects.filter(transaction_type="chargeback").update(transaction_type="provisional_credit")
        be_silent()
        with pytest.raises(StillOpenError, match=r"has credited 45\.00 USD meanwhile"):
            end()
        assert status() == "submitted"

    def test_once_it_is_over(self, asked: EventBody) -> None:
        deliver_events(dispute_closed("lost")(asked))
        be_silent()
        with pytest.raises(StillOpenError, match="over already"):
            end()

    @pytest.mark.parametrize("reason", ["", " ", "x" * 201])
    def test_without_a_reason(self, asked: EventBody, reason: str) -> None:
        with pytest.raises(StillOpenError, match="reason"):
            end(reason)
        assert (status(), open_cases()) == ("unsubmitted", ["dispute"])

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_one_is_heard(self, asked: EventBody) -> None:
        def press() -> str:
            try:
                return end()
            except StillOpenError as error:
                return error.message

        assert at_once([press] * 5).count("lost") == 1
        assert Entry.objects.filter(action="dispute.lost").count() == 1


class TestPage:
    def page(self, act: str) -> str:
        return reverse(f"admin:issuing_dispute_{act}", args=[Dispute.objects.get().pk])

    def test_staff_end_it_there(self, asked: EventBody) -> None:
        client, place = logged_in(superuser()), self.page("end_silent")
        assert place in text_of(client.get(self.page("change")))
        assert "As the money stands it is lost: nothing came back" in text_of(client.get(place))

        answer = client.post(place, opened(client, place) | {"reason": WHY}, follow=True)

        assert "The dispute is lost now" in sentences(answer)
        assert (status(), open_cases()) == ("lost", [])
        assert place not in text_of(answer)
        assert "its issuer did not say" in text_of(answer)
        assert "over already" in sentences(client.post(place, {"reason": WHY}, follow=True))

    def test_the_button_comes_with_the_silence(self, asked: EventBody) -> None:
        be_silent(10)
        client = logged_in(superuser())
        assert self.page("end_silent") not in text_of(client.get(self.page("change")))
        assert "may still say" in sentences(client.get(self.page("end_silent"), follow=True))

    def test_who_may_only_look_cannot(self, asked: EventBody) -> None:
        looker = UserFactory(is_staff=True)
        looker.user_permissions.add(*Permission.objects.filter(codename="view_dispute"))
        client, place = logged_in(looker), self.page("end_silent")
        assert place not in text_of(client.get(self.page("change")))
        assert client.post(place, {"reason": WHY}).status_code == 403
        assert status() == "unsubmitted"
