"""A case as staff see and work it: whose, how old, what next, and only the buttons that are possible now."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from onecard.kit import clock
from tests.support.back_office import logged_in, opened, sentences, text_of
from tests.support.factories import FundingMethodFactory, UserFactory
from tests.wallet.admin.case_pages import ALL, LIST, WHY, act, buttons, clerk, difference, page, paid_case, press, staff
from tests.wallet.charges.unpaid import capture, pay, receivable, statuses
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.models import Case, CaseNote, FundingCharge, FundingRefund, Posting

pytestmark = pytest.mark.django_db


def test_the_list_shows_and_filters_cases_by_owner() -> None:
    mine, ada = receivable(), clerk()
    Case.objects.filter(pk=mine.pk).update(opened_at=clock.now() - dt.timedelta(days=3, hours=1))
    free = difference()
    case_actions.take(case=mine, user=ada)
    client = logged_in(ada)

    everything = text_of(client.get(LIST))
    for words in ("3 d 1 h", "45.00 USD", "No funding card paid; the cardholder owes it", ada.username, "Nobody"):
        assert words in everything, words
    assert everything.index(page(mine)) < everything.index(page(free)), "the oldest first"
    found = {name: text_of(client.get(LIST, {"owned": name})) for name in ("mine", "nobodys", "others")}
    assert [page(mine) in found[name] for name in found] == [True, False, False]
    assert [page(free) in found[name] for name in found] == [False, True, False]
    assert page(mine) in text_of(logged_in(clerk()).get(LIST, {"owned": "others"}))


def test_the_page_shows_event_next_step_money_and_notes() -> None:
    case, ada = receivable(), clerk()
    case_actions.add_note(case=case, user=ada, text="Called <b>twice</b>.")

    shown = text_of(logged_in(ada).get(page(case)))

    for words in (
        "1 card tried, none could pay",
        "Agree with them how it is paid",
        "45.00 USD taken and not paid.",
        "insufficient_funds",
        "Merchant paid",
        "Charge 2",
        f"{ada.username}, ",
        "Called &lt;b&gt;twice&lt;/b&gt;.",
    ):
        assert words in shown, words


def test_only_the_buttons_that_are_possible_now_are_there() -> None:
    case, ada = receivable(), clerk()
    client = logged_in(ada)
    assert buttons(case, client) == {"charge-again", "ask-write-off", "ask-outside", "note", "take"}
    assert case.obligation
    FundingMethodFactory(cardholder=case.obligation.cardholder)
    case_actions.take(case=case, user=ada)
    assert buttons(case, client) == {
        "charge-again",
        "charge-another",
        "ask-write-off",
        "ask-outside",
        "note",
        "give-up",
    }
    case_actions.charge_again(case=case, user=ada, reason=WHY)
    assert buttons(case, client) == {"note", "give-up"}
    pay(FundingCharge.objects.latest("pk"))
    assert buttons(case, client) == {"note"}
    assert buttons(difference(), client) == {"resolve", "note", "take"}


def test_a_case_about_money_taken_for_nothing_offers_a_refund() -> None:
    case = paid_case()
    assert buttons(case, logged_in(clerk())) == {"refund", "resolve", "note", "take"}


def test_a_viewer_sees_and_presses_no_button() -> None:
    case = receivable()
    looker = staff()
    assert buttons(case, logged_in(looker)) == set()
    for name in ALL:
        assert press(case, name, looker, text="x").status_code == 403
    case.refresh_from_db()
    assert (case.owner, case.status, statuses(case)) == (None, "open", [(1, "declined"), (2, "intended")])
    assert not CaseNote.objects.exists()


def test_a_user_without_access_to_cases_cannot_act_on_one() -> None:
    stranger = UserFactory(is_staff=True)
    stranger.user_permissions.add(*Permission.objects.filter(codename="agree_write_off"))
    case = receivable()
    case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
    assert press(case, "agree", stranger).status_code == 403
    assert not Posting.objects.filter(kind="write_off").exists()


def test_an_anonymous_visitor_is_sent_to_the_login() -> None:
    case = receivable()
    answer = Client().post(act(case, "charge-again"), {"reason": WHY})
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
    assert len(statuses(case)) == 2


@pytest.mark.parametrize("name", ["charge-again", "ask-write-off", "take"])
def test_each_button_asks_first_and_a_look_at_its_page_does_nothing(name: str) -> None:
    case = receivable()
    answer = logged_in(clerk()).get(act(case, name))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    case.refresh_from_db()
    assert (statuses(case), case.owner, case.proposed_by) == ([(1, "declined"), (2, "intended")], None, None)


def test_a_card_is_charged_again_and_the_second_click_is_a_sentence() -> None:
    case, ada = receivable(), clerk()
    assert "being charged" in sentences(press(case, "charge-again", ada))
    assert "is under way" in sentences(press(case, "charge-again", ada))
    assert statuses(case) == [(1, "declined"), (2, "canceled"), (3, "intended")]
    assert CaseNote.objects.get().author == ada


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_nothing_is_charged_without_a_reason(reason: str) -> None:
    case = receivable()
    answer = press(case, "charge-again", clerk(), reason=reason)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert len(statuses(case)) == 2


def test_another_card_is_chosen_from_the_cardholders_own() -> None:
    case, ada = receivable(), clerk()
    assert case.obligation
    other, strange = FundingMethodFactory(cardholder=case.obligation.cardholder), FundingMethodFactory()
    asked = text_of(logged_in(ada).get(act(case, "charge-another")))
    assert str(other) in asked
    assert str(strange) not in asked

    wrong = press(case, "charge-another", ada, method=str(strange.pk))
    assert wrong.context["form"].errors["method"]
    assert len(statuses(case)) == 2

    press(case, "charge-another", ada, method=str(other.pk))
    assert FundingCharge.objects.latest("pk").method == other


def test_a_refund_is_typed_as_money_and_a_page_sent_twice_gives_back_once() -> None:
    case, ada = paid_case(), clerk()
    client = logged_in(ada)
    form = opened(client, act(case, "refund"))
    sent = {**form, "amount": "10.00", "reason": WHY}

    assert "on its way" in sentences(client.post(act(case, "refund"), sent, follow=True))
    again = client.post(act(case, "refund"), sent)

    assert "Meanwhile 10.00 USD in all is given back" in sentences_of_form(again)
    assert FundingRefund.objects.get().amount_minor == 1000


@pytest.mark.parametrize("amount", ["", "ten", "-1", "0", "45.01", "1e1", "10.001", "NaN", "9" * 19])
def test_no_wrong_amount_is_given_back(amount: str) -> None:
    case = paid_case()
    answer = press(case, "refund", clerk(), amount=amount, shown_minor="0")
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not FundingRefund.objects.exists()


def sentences_of_form(answer: Any) -> str:
    return " ".join(str(error) for error in answer.context["form"].non_field_errors())


def test_two_people_write_off_and_the_first_of_them_cannot_be_both() -> None:
    case, ada, boss = receivable(), clerk(), staff("change_case", "agree_write_off")
    assert press(case, "agree", ada).status_code == 403
    press(case, "ask-write-off", boss)
    assert "agree" not in buttons(case, logged_in(boss))
    assert "a second person has to agree" in sentences(press(case, "agree", boss))
    assert not Posting.objects.filter(kind="write_off").exists()
    assert "Second person needed" in text_of(logged_in(boss).get(LIST))

    press(case, "withdraw", boss)
    press(case, "ask-write-off", ada)
    asked = text_of(logged_in(boss).get(page(case)))
    assert f"{ada.username} asks to write off 45.00 USD. A second person has to agree." in asked
    assert "agree" in buttons(case, logged_in(boss))
    press(case, "agree", boss, shown_minor="4500")

    case.refresh_from_db()
    assert (case.status, case.agreed_by) == ("resolved", boss)
    assert Posting.objects.filter(kind="write_off").count() == 1
    shown = text_of(logged_in(ada).get(page(case)))
    assert f"{ada.username} and {boss.username}" in shown
    assert "0: what merchants took and what was paid for it are the same." in shown


def test_two_people_book_what_came_by_a_transfer() -> None:
    case, ada, boss = receivable(), clerk(), staff("change_case", "agree_write_off")
    press(case, "ask-outside", ada)
    asked = text_of(logged_in(boss).get(page(case)))
    assert f"{ada.username} asks to book 45.00 USD as settled outside. A second person has to agree." in asked
    assert "ask-write-off" not in buttons(case, logged_in(boss))
    assert "proposed something already" in sentences(press(case, "ask-write-off", boss))
    press(case, "agree", boss, shown_minor="4500")

    case.refresh_from_db()
    assert (case.status, Posting.objects.get(kind="outside").amount_minor) == ("resolved", 4500)
    shown = text_of(logged_in(ada).get(page(case)))
    assert "Settled outside, says" in shown
    assert "0: what merchants took and what was paid for it are the same." in shown


def test_agreeing_needs_only_its_own_permission() -> None:
    case, boss = receivable(), staff("agree_write_off")
    case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
    assert buttons(case, logged_in(boss)) == {"agree", "withdraw"}
    press(case, "agree", boss, shown_minor="4500")
    case.refresh_from_db()
    assert case.status == "resolved"


def test_a_case_is_taken_noted_and_resolved_with_a_sentence() -> None:
    case, ada = difference(), clerk()
    press(case, "take", ada)
    press(case, "note", ada, text="The issuer is asked.")
    press(case, "resolve", ada, reason="The issuer mended it.")

    case.refresh_from_db()
    assert (case.owner, case.status, case.resolution) == (ada, "resolved", "The issuer mended it.")
    shown = text_of(logged_in(ada).get(page(case)))
    assert "The issuer is asked." in shown
    assert "How it ended</dt><dd>The issuer mended it." in shown
    assert "This case is resolved" in sentences(press(case, "resolve", ada))


@pytest.mark.parametrize("url", ["/admin/wallet/case/999/do/take/", "/admin/wallet/case/{pk}/do/steal/"])
def test_an_unknown_case_or_action_answers_404(url: str) -> None:
    case = difference()
    assert logged_in(clerk()).post(url.format(pk=case.pk), {}).status_code == 404


def test_a_case_of_many_charges_and_notes_costs_no_more_queries() -> None:
    case, ada = receivable(), clerk()
    client, counts = logged_in(ada), []
    for _ in range(2):
        for n in range(3):
            case_actions.add_note(case=case, user=clerk(), text=f"Note {n}")
            capture(1, key=f"more:{CaseNote.objects.count()}")
        client.get(page(case))
        with CaptureQueriesContext(connection) as queries:
            client.get(page(case))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 25
