"""A card change that keeps failing at its issuer, over real HTTP: one case tells staff, and the outcome closes it."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.issuers import registry
from issuing.issuers.guard.breaker import Breaker, close_breaker
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import CardChange
from onecard.kit.attempts import ATTEMPTS_BEFORE_CASE
from tests.issuing.cards.remote_issuers import (
    MAKING,
    ME,
    MOVING,
    ONE_ISSUER,
    attempts,
    made,
    make_due,
    new_card,
    status_of,
)
from tests.issuing.issuers.worlds import new_key
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from wallet.casework import actions as case_actions
from wallet.models import Case

pytestmark = pytest.mark.django_db(transaction=True)

REASON = "The issuer says that it is mended."


def page(change: CardChange) -> str:
    return reverse("admin:issuing_cardchange_change", args=[change.pk])


def button(change: CardChange) -> str:
    return reverse("admin:issuing_cardchange_ask_again", args=[change.pk])


def failing_freeze(provider: str, served: RunningSandbox, times: int | None = None) -> CardChange:
    """A freeze that fails as often as stated (None: for ever); with one more attempt it has a case."""
    card = cards.activate(card=new_card(provider), requested_by=ME)
    served.order(path=MOVING[provider], do="error_500", times=times)
    cards.freeze(card=card, reason="Lost at the beach", requested_by=ME)
    attempts(ATTEMPTS_BEFORE_CASE - 2, provider)
    assert not Case.objects.exists()
    return CardChange.objects.get(kind="freeze")


@pytest.mark.some_in_suite(1)
@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize("fault", ["error_500", "html_error", "hold_answer"])
def test_a_creation_that_keeps_failing_has_one_case_until_it_succeeds(
    provider: str, served: RunningSandbox, fault: str
) -> None:
    served.order(path=MAKING[provider], do=fault, times=ATTEMPTS_BEFORE_CASE + 1)
    before = made(provider, served)
    card = new_card(provider)
    attempts(ATTEMPTS_BEFORE_CASE - 2, provider)
    assert not Case.objects.exists()

    attempts(2, provider)

    change = CardChange.objects.get(card=card)
    case = Case.objects.get()
    assert (case.kind, case.status, case.amount_minor) == ("card_change_failing", "open", 0)
    assert case.reference == f"cardchange:{change.pk}"
    assert f"{ATTEMPTS_BEFORE_CASE} attempts" in case.summary
    assert "Ada Lovelace" in case.summary

    attempts(1, provider)

    case.refresh_from_db()
    assert (status_of(change), case.status, case.resolution) == ("done", "resolved", "")
    assert made(provider, served) - before == 1
    assert Entry.objects.filter(action="case.resolved").count() == 1


def test_a_refusal_at_last_closes_the_case(provider: str, served: RunningSandbox) -> None:
    change = failing_freeze(provider, served, times=ATTEMPTS_BEFORE_CASE)
    attempts(1, provider)
    assert Case.objects.get().status == "open"

    issuer = registry.issuer_for(provider)
    issuer.update_card_status(change.card.issuer_card_id, "closed", reason="Lost", key=new_key())
    attempts(1, provider)

    assert (status_of(change), Case.objects.get().status) == ("refused", "resolved")


def test_a_case_that_a_person_closed_stays_closed(provider: str, served: RunningSandbox) -> None:
    change = failing_freeze(provider, served)
    attempts(1, provider)

    case_actions.resolve(case=Case.objects.get(), user=superuser(), reason="The issuer froze it by telephone.")
    attempts(3, provider)

    assert status_of(change) == "intended"
    assert Case.objects.get().status == "resolved"


def test_a_change_that_a_later_one_replaces_closes_its_case(provider: str, served: RunningSandbox) -> None:
    card = cards.freeze(card=cards.activate(card=new_card(provider), requested_by=ME), reason="Lost", requested_by=ME)
    served.order(path=MOVING[provider], do="error_500", times=ATTEMPTS_BEFORE_CASE)
    cards.unfreeze(card=card, requested_by=ME)
    attempts(ATTEMPTS_BEFORE_CASE - 1, provider)
    assert Case.objects.get().status == "open"

    cards.close(card=card, reason="Stolen after all", requested_by=ME)

    assert Case.objects.get().status == "resolved"
    assert CardChange.objects.get(kind="unfreeze").status == "superseded"
    assert CardChange.objects.get(kind="close").status == "done"


@ONE_ISSUER
def test_a_pause_of_the_issuer_opens_no_case(provider: str, served: RunningSandbox) -> None:
    change = failing_freeze(provider, served)
    breaker = Breaker(provider, shared())
    for _ in range(breaker.failures):
        breaker.failed(breaker.enter())

    for _ in range(3):
        make_due()
        card_changes.sweep()

    assert status_of(change) == "intended"
    assert not Case.objects.exists()


@ONE_ISSUER
def test_pause_of_the_issuer_is_no_attempt(provider: str, served: RunningSandbox) -> None:
    """After a long outage the change goes on with a short wait, and its count does not grow meanwhile."""
    change = failing_freeze(provider, served)
    change.refresh_from_db()
    counted = change.attempts
    breaker = Breaker(provider, shared())
    for _ in range(breaker.failures):
        breaker.failed(breaker.enter())

    for _ in range(5):
        make_due()
        card_changes.sweep()

    assert status_of(change) == "intended"
    assert change.failure_code == "issuer_paused"
    assert change.attempts == counted


@ONE_ISSUER
def test_change_goes_on_when_its_count_is_full(provider: str, served: RunningSandbox) -> None:
    change = failing_freeze(provider, served, times=ATTEMPTS_BEFORE_CASE - 1)
    CardChange.objects.update(attempts=32_767)

    attempts(1, provider)

    assert status_of(change) == "done"


@ONE_ISSUER
def test_sweepers_at_once_open_one_case(provider: str, served: RunningSandbox) -> None:
    failing_freeze(provider, served)
    close_breaker(provider)
    make_due()

    at_once([card_changes.sweep] * 6)

    assert Case.objects.count() == 1
    assert Entry.objects.filter(action="case.opened").count() == 1


class TestAskAgainButton:
    def test_a_press_sends_it_and_the_case_closes(self, provider: str, served: RunningSandbox) -> None:
        change = failing_freeze(provider, served, times=ATTEMPTS_BEFORE_CASE)
        attempts(1, provider)
        close_breaker(provider)
        ada = superuser()
        client, case = logged_in(ada), Case.objects.get()
        assert f'href="{page(change)}"' in text_of(client.get(reverse("admin:wallet_case_change", args=[case.pk])))
        assert button(change) in text_of(client.get(page(change)))
        assert status_of(change) == "intended", "looking asks nobody"

        answer = client.post(button(change), {"reason": REASON}, follow=True)

        assert "The issuer has done it." in sentences(answer)
        assert button(change) not in text_of(answer)
        case.refresh_from_db()
        assert (status_of(change), case.status) == ("done", "resolved")
        entry = Entry.objects.get(action="card.freeze_asked_again")
        assert (entry.actor, entry.details["reason"]) == (f"user:{ada.pk}", REASON)

    @ONE_ISSUER
    def test_a_press_that_fails_leaves_it_waiting(self, provider: str, served: RunningSandbox) -> None:
        change = failing_freeze(provider, served)

        answer = logged_in().post(button(change), {"reason": REASON}, follow=True)

        assert "Waiting for the issuer" in sentences(answer)
        assert status_of(change) == "intended"

    @ONE_ISSUER
    def test_a_late_press_is_a_sentence(self, provider: str, served: RunningSandbox) -> None:
        change = failing_freeze(provider, served, times=ATTEMPTS_BEFORE_CASE - 1)
        attempts(1, provider)
        asked = len(served.requests.find(method="POST"))

        answer = logged_in().post(button(change), {"reason": REASON}, follow=True)

        assert "This change does not wait" in sentences(answer)
        assert len(served.requests.find(method="POST")) == asked

    @ONE_ISSUER
    def test_who_may_only_look_has_no_button(self, provider: str, served: RunningSandbox) -> None:
        change = failing_freeze(provider, served)
        viewer = UserFactory(is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_cardchange"))
        client = logged_in(viewer)

        assert button(change) not in text_of(client.get(page(change)))
        assert client.post(button(change), {"reason": REASON}).status_code == 403
        assert not Entry.objects.filter(action="card.freeze_asked_again").exists()
