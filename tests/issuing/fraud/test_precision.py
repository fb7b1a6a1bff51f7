"""What staff say of a suspicion, and how each hook's and each control's record follows from it."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from audit.models import Entry
from issuing.fraud import precision, registry
from issuing.models import FraudVerdict, VirtualCard
from issuing.operations import hourly_sums
from onecard.kit import clock
from tests.issuing.fraud.hooks import HERE
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import CardholderFactory, UserFactory, VirtualCardFactory
from tests.support.wallets import copy_wallet, walkthrough_card
from tests.wallet.admin.case_pages import act, buttons, clerk, press, staff
from wallet.casework import suspicions
from wallet.casework.desk import CaseRefusedError
from wallet.models import Case

pytestmark = pytest.mark.django_db

HOOKS_PAGE = "/admin/issuing/fraudverdict/hooks/"
LIST = "/admin/issuing/fraudverdict/"


@pytest.fixture(autouse=True)
def _two_hooks(settings: Any) -> Any:
    settings.FRAUD_HOOKS = [f"{HERE}.{name}" for name in ("flags", "raises", "allows")]
    settings.FRAUD_HOOK_BUDGET_MS = 300
    settings.DECISION_DEADLINE_MS = 30_000
    yield
    registry.forget()


def flagged(card: VirtualCard) -> Case:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=100)
    assert stripe_events.post(asked).json()["approved"]
    return Case.objects.get(reference=f"virtualcard:{card.pk}", status="open")


def records() -> dict[str, precision.Record]:
    hourly_sums.refresh()
    now = clock.now()
    return {each.hook: each for each in precision.of_period(since=now - dt.timedelta(days=2), until=now)}


def reader() -> Client:
    user = UserFactory(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=("view_fraudverdict", "view_case")))
    return logged_in(user)


def test_cases_that_were_judged_give_a_hooks_precision() -> None:
    card = walkthrough_card()
    judge = staff("judge_suspicion")
    for outcome in ("fraud", "fraud", "false_positive"):
        case = flagged(card)
        flagged(card)
        suspicions.conclude(case=case, user=judge, outcome=outcome, reason="Asked them.")
    flagged(card)

    found = records()

    flags = found["flags"]
    assert (flags.calls, flags.flags, flags.fraud, flags.false_positives, flags.undecided) == (7, 7, 2, 1, 1)
    assert flags.precision == pytest.approx(2 / 3)
    assert (found["raises"].raised, found["raises"].precision) == (7, None)
    assert (found["allows"].calls, found["allows"].flags) == (7, 0)
    (day,) = precision.by_day("flags", since=clock.now() - dt.timedelta(days=1), until=clock.now())
    assert (day.calls, day.fraud) == (7, 2)


def test_a_judgement_takes_a_reason_and_leaves_its_entry() -> None:
    case, judge = flagged(walkthrough_card()), staff("judge_suspicion")
    assert buttons(case, logged_in(judge)) == {"was-fraud", "was-no-fraud"}

    assert "This field is required" in text_of(press(case, "was-fraud", judge, reason=""))
    assert Case.objects.get().status == "open"
    press(case, "was-fraud", judge, reason="The card was stolen.")

    closed = Case.objects.get()
    assert (closed.status, closed.outcome, closed.resolution) == ("resolved", "fraud", "The card was stolen.")
    entry = Entry.objects.get(action="case.concluded")
    assert (entry.actor, entry.details["reason"]) == (f"user:{judge.pk}", "The card was stolen.")
    with pytest.raises(CaseRefusedError):
        suspicions.conclude(case=case, user=judge, outcome="false_positive", reason="No.")


def test_who_may_only_work_cases_judges_no_suspicion() -> None:
    case = flagged(walkthrough_card())

    assert buttons(case, logged_in(clerk())) == {"note", "take"}
    assert logged_in(clerk()).get(act(case, "was-fraud")).status_code == 403


def test_another_kind_of_case_has_no_such_outcome() -> None:
    case = flagged(walkthrough_card())
    Case.objects.filter(pk=case.pk).update(kind="by_hand")

    with pytest.raises(CaseRefusedError, match="no suspicion"):
        suspicions.conclude(case=Case.objects.get(), user=staff("judge_suspicion"), outcome="fraud", reason="It was.")


def test_each_card_has_a_case_of_its_own() -> None:
    one = walkthrough_card()
    holder = CardholderFactory(preference="cash")
    copy_wallet(one.cardholder, holder)
    other = VirtualCardFactory(cardholder=holder)

    assert flagged(one) != flagged(other)
    assert Case.objects.count() == FraudVerdict.objects.filter(outcome="flag").count() == 2


def test_the_page_of_the_hooks_shows_each_ones_record() -> None:
    case = flagged(walkthrough_card())
    suspicions.conclude(case=case, user=staff("judge_suspicion"), outcome="fraud", reason="Asked them.")
    hourly_sums.refresh()
    client = reader()

    shown = text_of(client.get(HOOKS_PAGE))

    for words in ("flags", "raises", "allows", "1 failed", "1 fraud", "100 %", "30 days"):
        assert words in shown, words
    assert "1 fraud" in text_of(client.get(HOOKS_PAGE, {"hook": "flags", "days": "7"}))
    assert "Select a valid choice" in text_of(client.get(HOOKS_PAGE, {"days": "8"}))
    listed = text_of(client.get(LIST))
    for words in ("Looks odd.", "Flagged", "It was fraud", "Starbucks Coffee"):
        assert words in listed, words


def test_the_page_says_what_to_do_without_hooks(settings: Any) -> None:
    settings.FRAUD_HOOKS = []

    assert "No hook was asked" in text_of(reader().get(HOOKS_PAGE))
    assert logged_in(clerk()).get(HOOKS_PAGE).status_code == 403
