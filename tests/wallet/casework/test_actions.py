"""What people do about a case: each act once, with who and why, and nothing of it when it may not be."""

from functools import partial
from typing import Any

import pytest
from django.db import transaction

from audit.models import Entry
from onecard.kit.money import Money
from onecard.outbox.models import Message
from tests.support.factories import FundingMethodFactory
from tests.support.threads import at_once
from tests.wallet.casework.desks import WHY, assert_refused, clearing, clerk, difference, paid_case, tried, unfunded
from tests.wallet.charges.unpaid import pay, receivable, statuses
from wallet import cases
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.models import Case, CaseNote, FundingCharge, FundingMethod, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db


def asked_for(case: Case) -> list[int]:
    """The charges that workers were told of, since the case was opened."""
    told = Message.objects.filter(topic="funding.requested").order_by("pk")
    return [message.payload["charge_id"] for message in told]


class TestOwner:
    def test_a_case_is_taken_once_given_up_and_taken_by_somebody_else(self) -> None:
        case, ada, bob = difference(), clerk(), clerk()

        case_actions.take(case=case, user=ada)
        assert_refused(lambda: case_actions.take(case=case, user=bob), f"{ada.username} has it")
        assert_refused(lambda: case_actions.take(case=case, user=ada), "you have it")
        assert_refused(lambda: case_actions.give_up(case=case, user=bob), "not yours")
        case_actions.give_up(case=case, user=ada)
        case_actions.take(case=case, user=bob)

        case.refresh_from_db()
        assert case.owner == bob
        told = list(Entry.objects.filter(subject_type="case").order_by("pk").values_list("actor", "action"))
        assert told[-3:] == [
            (f"user:{ada.pk}", "case.taken"),
            (f"user:{ada.pk}", "case.given_up"),
            (f"user:{bob.pk}", "case.taken"),
        ]

    def test_a_closed_case_is_not_taken(self) -> None:
        case, ada = difference(), clerk()
        case_actions.resolve(case=case, user=ada, reason=WHY)
        assert_refused(lambda: case_actions.take(case=case, user=ada), "resolved")
        case.refresh_from_db()
        assert case.owner is None


class TestNotes:
    def test_a_note_stays_as_it_was_written_and_a_closed_case_gets_one_too(self) -> None:
        case, ada = difference(), clerk()
        case_actions.resolve(case=case, user=ada, reason=WHY)

        note = case_actions.add_note(case=case, user=ada, text="  The issuer called back.  ")

        assert (note.text, note.author) == ("The issuer called back.", ada)
        for change in (lambda: CaseNote.objects.update(text="x"), lambda: CaseNote.objects.all().delete()):
            with pytest.raises(Exception, match="wallet_casenote"), transaction.atomic():
                change()
        assert CaseNote.objects.latest("pk").text == "The issuer called back."

    @pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
    def test_no_note_without_words(self, text: str) -> None:
        case = difference()
        assert_refused(lambda: case_actions.add_note(case=case, user=clerk(), text=text), "1 to 2000")
        assert not CaseNote.objects.exists()


class TestCharging:
    def test_charging_the_last_card_again_replaces_its_scheduled_retry(self) -> None:
        case, ada = receivable(), clerk()
        assert statuses(case) == [(1, "declined"), (2, "intended")]

        charge = case_actions.charge_again(case=case, user=ada, reason=WHY)

        assert statuses(case) == [(1, "declined"), (2, "canceled"), (3, "intended")]
        assert charge.method == FundingMethod.objects.get()
        assert asked_for(case) == [charge.pk]
        assert FundingObligation.objects.get().status == "open"
        assert len(set(FundingCharge.objects.values_list("idempotency_key", flat=True))) == 3
        entry = Entry.objects.get(action="case.charge_again")
        assert (entry.actor, entry.details["reason"]) == (f"user:{ada.pk}", WHY)
        assert WHY in CaseNote.objects.get(case=case).text

    def test_a_retried_obligation_reopens_and_success_closes_its_case(self) -> None:
        case = receivable(code="stolen_card")
        FundingMethod.objects.update(status="active")
        assert FundingObligation.objects.get().status == "failed"

        pay(case_actions.charge_again(case=case, user=clerk(), reason=WHY))

        case.refresh_from_db()
        assert (FundingObligation.objects.get().status, case.status) == ("funded", "resolved")
        assert clearing() == 0

    def test_another_card_of_the_cardholder_is_charged(self) -> None:
        case = receivable()
        assert case.obligation
        other = FundingMethodFactory(cardholder=case.obligation.cardholder)

        charge = case_actions.charge_another(case=case, user=clerk(), method=other, reason=WHY)

        assert (charge.method, charge.sequence, charge.status) == (other, 3, "intended")

    @pytest.mark.parametrize(
        ("change", "words"),
        [({"cardholder": None}, "not another"), ({"status": "disabled"}, "no other active"), ({}, "not another")],
        ids=["of another person", "disabled", "the same card"],
    )
    def test_no_other_card_is_charged(self, change: dict[str, Any], words: str) -> None:
        case = receivable()
        assert case.obligation
        own = FundingMethod.objects.get()
        holder = case.obligation.cardholder
        if change == {}:
            FundingMethodFactory(cardholder=holder)
            wrong = own
        elif "status" in change:
            wrong = FundingMethodFactory(cardholder=holder, **change)
        else:
            FundingMethodFactory(cardholder=holder)
            wrong = FundingMethodFactory()
        before = statuses(case)

        assert_refused(lambda: case_actions.charge_another(case=case, user=clerk(), method=wrong, reason=WHY), words)

        assert statuses(case) == before
        assert asked_for(case) == []
        assert not CaseNote.objects.exists()

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"status": "disabled"}, "disabled"),
            ({"expiry_year": 2020}, "expired"),
            ({"currencies": ["EUR"]}, "cannot be charged in USD"),
        ],
    )
    def test_a_card_that_cannot_be_charged_is_not(self, change: dict[str, Any], words: str) -> None:
        case = receivable()
        FundingMethod.objects.filter(pk=FundingMethod.objects.get().pk).update(**change)
        assert_refused(lambda: case_actions.charge_again(case=case, user=clerk(), reason=WHY), words)
        assert statuses(case) == [(1, "declined"), (2, "intended")], "the retry by the clock stays"

    @pytest.mark.parametrize("status", ["intended", "sending", "processing", "requires_action", "unknown"])
    def test_nothing_is_charged_beside_a_charge_that_may_take_money(self, status: str) -> None:
        case = receivable()
        FundingCharge.objects.filter(sequence=2).update(status=status, attempts=1)
        write_off = partial(case_proposals.propose, proposal="write_off")
        for call in (case_actions.charge_again, write_off):
            assert_refused(lambda call=call: call(case=case, user=clerk(), reason=WHY), "under way")
        assert statuses(case) == [(1, "declined"), (2, status)]

    def test_nothing_is_charged_while_the_processor_may_have_taken_it_twice(self) -> None:
        case = receivable()
        assert case.obligation
        with transaction.atomic():
            cases.open_obligation_case(kind="two_charges", obligation=case.obligation, summary="Twice.")
        assert_refused(lambda: case_actions.charge_again(case=case, user=clerk(), reason=WHY), "second charge first")

    @pytest.mark.parametrize("status", ["funded", "released"])
    def test_nothing_is_charged_for_what_is_not_owed(self, status: str) -> None:
        case = receivable()
        FundingObligation.objects.update(status=status)
        assert_refused(lambda: case_actions.charge_again(case=case, user=clerk(), reason=WHY), "Nothing is owed")

    def test_money_put_on_a_card_is_not_charged_again_by_staff(self) -> None:
        case = receivable()
        FundingObligation.objects.update(purchase="card:1")
        assert_refused(lambda: case_actions.charge_again(case=case, user=clerk(), reason=WHY), "its holder")

    def test_a_case_without_a_charge_has_nothing_to_charge(self) -> None:
        assert_refused(
            lambda: case_actions.charge_again(case=difference(), user=clerk(), reason=WHY), "no charge behind"
        )

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
    def test_nothing_is_charged_without_a_reason(self, reason: str) -> None:
        case = receivable()
        assert_refused(lambda: case_actions.charge_again(case=case, user=clerk(), reason=reason), "Say why")
        assert statuses(case) == [(1, "declined"), (2, "intended")]


class TestRefund:
    def test_a_part_goes_back_and_a_second_click_does_not(self) -> None:
        case, ada = paid_case(), clerk()

        def press(minor: int, seen: int) -> FundingRefund:
            return case_actions.refund(case=case, user=ada, amount=Money(minor, "USD"), reason=WHY, shown_minor=seen)

        made = press(1000, 0)
        assert_refused(lambda: press(1000, 0), "Meanwhile 10.00 USD")

        made.refresh_from_db()
        assert (FundingRefund.objects.get(), made.reason, made.charge) == (made, WHY, FundingCharge.objects.get())
        assert Message.objects.get(topic="refund.requested").payload["refund_id"] == made.pk
        assert Entry.objects.get(action="case.refund").actor == f"user:{ada.pk}"
        assert_refused(lambda: press(3501, 1000), "35.00 USD is left")
        press(3500, 1000)
        assert_refused(lambda: press(1, 4500), "All of it")

    @pytest.mark.parametrize(
        "amount", [Money(0, "USD"), Money(-1, "USD"), Money(4501, "USD"), Money(10, "EUR")], ids=str
    )
    def test_no_wrong_amount_goes_back(self, amount: Money) -> None:
        case = paid_case()
        assert_refused(
            lambda: case_actions.refund(case=case, user=clerk(), amount=amount, reason=WHY, shown_minor=0),
            "be given back",
        )
        assert not FundingRefund.objects.exists()
        assert not CaseNote.objects.exists()

    def test_money_that_was_put_on_a_card_does_not_go_back_from_here(self) -> None:
        case = paid_case()
        FundingObligation.objects.update(purchase="card:1")
        assert_refused(
            lambda: case_actions.refund(case=case, user=clerk(), amount=Money(1, "USD"), reason=WHY, shown_minor=0),
            "card's balance",
        )
        assert not FundingRefund.objects.exists()

    def test_nothing_is_refunded_that_nobody_paid(self) -> None:
        case = receivable()
        assert_refused(
            lambda: case_actions.refund(case=case, user=clerk(), amount=Money(1, "USD"), reason=WHY, shown_minor=0),
            "Nobody has paid",
        )
        assert not FundingRefund.objects.exists()


class TestResolve:
    @pytest.mark.parametrize(
        "kind", ["card_differs", "transaction_differs", "reconciliation", "refund_failed", "two_charges"]
    )
    def test_a_case_settled_outside_is_resolved_with_a_reason(self, kind: str) -> None:
        case, ada = difference(kind), clerk()
        case_actions.resolve(case=case, user=ada, reason="The issuer mended it.")
        case.refresh_from_db()
        assert (case.status, case.resolution) == ("resolved", "The issuer mended it.")
        assert case.resolved_at
        assert_refused(lambda: case_actions.resolve(case=case, user=ada, reason=WHY), "resolved")
        assert Entry.objects.filter(action="case.resolved", actor=f"user:{ada.pk}").count() == 1

    @pytest.mark.parametrize("reason", ["", " ", "x" * 201])
    def test_no_case_is_resolved_without_a_reason(self, reason: str) -> None:
        case = difference()
        assert_refused(lambda: case_actions.resolve(case=case, user=clerk(), reason=reason), "Say why")
        case.refresh_from_db()
        assert case.status == "open"

    def test_a_case_with_money_owed_cannot_be_resolved_by_a_reason(self) -> None:
        for case, words in ((receivable(), "still owed"), (unfunded(), "30.00 USD is in clearing")):
            assert_refused(lambda case=case: case_actions.resolve(case=case, user=clerk(), reason=WHY), words)
            case.refresh_from_db()
            assert case.status == "open"

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            ("dispute", "how the dispute ends"),
            ("refund_unlinked", "which purchase it is of"),
            ("currency_differs", "converted amount"),
        ],
    )
    def test_a_case_that_waits_for_an_event_cannot_be_resolved_by_a_reason(self, kind: str, words: str) -> None:
        case = difference(kind, "card_transaction:1")
        assert_refused(lambda: case_actions.resolve(case=case, user=clerk(), reason=WHY), words)
        case.refresh_from_db()
        assert case.status == "open"

    def test_a_purchase_that_was_never_captured_can_be_closed(self) -> None:
        case = unfunded(captured_minor=0)
        case_actions.resolve(case=case, user=clerk(), reason="The merchant let it expire.")
        case.refresh_from_db()
        assert case.status == "resolved"


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_clicks_make_one_charge(self) -> None:
        case, ada = receivable(), clerk()
        click = tried(lambda: case_actions.charge_again(case=case, user=ada, reason=WHY))
        results = sorted(at_once([click] * 4))
        assert results.count("done") == 1
        assert all("under way" in each for each in results if each != "done")
        assert len(asked_for(case)) == 1
        assert statuses(case) == [(1, "declined"), (2, "canceled"), (3, "intended")]

    def test_a_worker_that_sends_the_retry_and_a_click_are_one_charge(self) -> None:
        """Whichever is first: at most one charge of the obligation is alive."""
        case, ada = receivable(), clerk()

        def claim() -> str:
            mine = FundingCharge.objects.filter(sequence=2, status="intended")
            return "claimed" if mine.update(status="sending", attempts=1) else "gone"

        click = tried(lambda: case_actions.charge_again(case=case, user=ada, reason=WHY))
        claimed, clicked = at_once([claim, click])
        alive = [status for _, status in statuses(case) if status in ("intended", "sending")]
        assert (claimed, clicked == "done", len(alive)) in (("claimed", False, 1), ("gone", True, 1))

    def test_two_clicks_give_back_once(self) -> None:
        case, ada = paid_case(), clerk()
        amount = Money(1000, "USD")
        click = tried(lambda: case_actions.refund(case=case, user=ada, amount=amount, reason=WHY, shown_minor=0))
        assert at_once([click] * 4).count("done") == 1
        assert FundingRefund.objects.count() == 1

    def test_a_case_is_taken_by_one(self) -> None:
        case = difference()
        people = [clerk() for _ in range(4)]
        results = at_once([tried(lambda user=user: case_actions.take(case=case, user=user)) for user in people])
        assert results.count("done") == 1
