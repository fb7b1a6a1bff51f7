"""Amounts that people enter: above the threshold two people, in parts as well as whole, whoever races."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError
from django.db import transaction as django_transaction
from django.urls import reverse

from audit.models import Entry
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.users.models import User
from tests.support.back_office import logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from tests.wallet.casework.desks import WHY, clerk, paid_case
from wallet.casework import actions as case_actions
from wallet.casework import entered_refunds
from wallet.casework.desk import CaseRefusedError
from wallet.entered import amounts as entered_amounts
from wallet.entered.amounts import EnteredRefusedError
from wallet.models import Case, EnteredAmount, FundingRefund

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _threshold(settings: Any) -> None:
    settings.TWO_PERSON_ABOVE = 2_000


def entered(minor: int, *, user: User | None = None, case: Case | None = None) -> EnteredAmount:
    wanted = case or paid_case()
    seen = sum(FundingRefund.objects.filter(obligation=wanted.obligation).values_list("amount_minor", flat=True))
    return entered_refunds.refund(
        case=wanted, user=user or clerk(), amount=Money(minor, "USD"), reason=WHY, shown_minor=seen
    )


def agreed(row: EnteredAmount, user: User | None = None, seen: int | None = None) -> EnteredAmount:
    return entered_amounts.agree(
        entered=row, user=user or clerk(), reason=WHY, shown_minor=row.amount_minor if seen is None else seen
    )


def assert_refused(call: Any, words: str) -> None:
    with pytest.raises((EnteredRefusedError, CaseRefusedError), match=words):
        call()


def test_up_to_the_threshold_one_person_is_enough() -> None:
    ada = clerk()
    row = entered(2_000, user=ada)

    assert (row.status, row.needs_second, row.agreed_by) == ("applied", False, None)
    assert FundingRefund.objects.get().amount_minor == 2_000
    assert Entry.objects.get(action="amount.entered").actor == f"user:{ada.pk}"


def test_above_it_nothing_happens_until_a_second_person_agrees() -> None:
    ada, bob = clerk(), clerk()
    row = entered(2_001, user=ada)

    assert (row.status, row.needs_second) == ("proposed", True)
    assert not FundingRefund.objects.exists()
    agreed(row, bob)

    kept = EnteredAmount.objects.get()
    assert (kept.status, kept.entered_by, kept.agreed_by) == ("applied", ada, bob)
    assert FundingRefund.objects.get().amount_minor == 2_001
    proposed, done = Entry.objects.filter(action__startswith="amount.").order_by("pk")
    assert (proposed.action, proposed.actor) == ("amount.proposed", f"user:{ada.pk}")
    assert (done.action, done.actor, done.details["amount_minor"]) == ("amount.agreed", f"user:{bob.pk}", 2_001)
    assert Entry.objects.get(action="case.refund").details["agreed_by"] == f"user:{bob.pk}"


def test_the_person_who_entered_it_cannot_agree_in_another_session() -> None:
    ada = superuser()
    row = entered(2_001, user=ada)

    assert_refused(lambda: agreed(row, User.objects.get(pk=ada.pk)), "a second person has to agree")
    client = logged_in(ada)
    values = {"reason": WHY, "shown_minor": "2001"}
    answer = client.post(page(row, "agree"), values)
    assert "a second person has to agree" in str(answer.context["form"].errors)
    assert not FundingRefund.objects.exists()


def test_a_second_login_with_the_same_mailbox_is_no_second_person() -> None:
    ada = clerk()
    row = entered(2_001, user=ada)

    assert_refused(
        lambda: agreed(row, UserFactory(is_staff=True, email=ada.email.upper())), "a second person has to agree"
    )

    assert not FundingRefund.objects.exists()
    assert agreed(row, UserFactory(is_staff=True, email="")).status == "applied"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "applied"},
        {"status": "applied", "agreed_by": "entered_by"},
        {"agreed_by": "entered_by"},
    ],
)
def test_the_database_refuses_one_person_twice(changes: dict[str, str]) -> None:
    row = entered(2_001)
    columns = {name: getattr(row, value) if name == "agreed_by" else value for name, value in changes.items()}
    with pytest.raises(IntegrityError), django_transaction.atomic():
        EnteredAmount.objects.filter(pk=row.pk).update(**columns)


def test_parts_of_an_amount_count_together_within_a_day() -> None:
    ada, bob = clerk(), clerk()
    case = paid_case()
    assert entered(1_500, user=ada, case=case).status == "applied"
    part = entered(501, user=ada, case=case)
    assert part.status == "proposed"
    entered_amounts.withdraw(entered=part, user=ada, reason=WHY)
    # Another person's word is another person's, and a day later it is another day.
    assert entered(500, user=bob, case=case).status == "applied"
    with clock.ahead(entered_amounts.TOGETHER_FOR):
        assert entered(501, user=ada, case=case).status == "applied"


def test_the_domain_refuses_one_persons_word_without_the_pages() -> None:
    case = paid_case()
    amount = Money(2_001, "USD")
    assert_refused(
        lambda: case_actions.refund(case=case, user=clerk(), amount=amount, reason=WHY, shown_minor=0),
        "too much for one",
    )
    assert not FundingRefund.objects.exists()


def test_one_proposal_at_a_time_and_a_withdrawn_one_cannot_be_agreed_to() -> None:
    case, ada = paid_case(), clerk()
    row = entered(2_001, user=ada, case=case)
    assert_refused(lambda: entered(2_002, case=case), "has proposed 20.01 USD for it already")

    entered_amounts.withdraw(entered=row, user=ada, reason=WHY)
    again = entered(3_000, user=ada, case=case)
    assert_refused(lambda: agreed(row), "waits for nobody any more")
    assert_refused(lambda: agreed(again, seen=2_001), "Another amount was proposed")
    assert not FundingRefund.objects.exists()
    assert_refused(lambda: entered_amounts.withdraw(entered=row, user=ada, reason=WHY), "waits for nobody")


def test_an_amount_that_became_impossible_is_not_carried_out() -> None:
    case, ada = paid_case(), clerk()
    row = entered(2_001, user=ada, case=case)
    entered(100, user=clerk(), case=case)

    assert_refused(lambda: agreed(row), "Meanwhile 1.00 USD")
    assert EnteredAmount.objects.get(pk=row.pk).status == "proposed"
    assert FundingRefund.objects.get().amount_minor == 100
    assert not Entry.objects.filter(action="amount.agreed").exists()


def test_an_impossible_amount_is_not_proposed() -> None:
    case = paid_case()
    assert_refused(lambda: entered(4_501, case=case), "45.00 USD is left")
    assert_refused(
        lambda: entered_refunds.refund(case=case, user=clerk(), amount=Money(3_000, "USD"), reason=" ", shown_minor=0),
        "Say why",
    )
    assert not EnteredAmount.objects.exists()


def test_an_amount_in_a_currency_without_a_reference_takes_two() -> None:
    assert entered_amounts.is_too_much_alone("refund", Money(1, "TRY"))
    assert not entered_amounts.is_too_much_alone("refund", Money(2_000, "JPY"))
    assert entered_amounts.is_too_much_alone("refund", Money(4_000, "JPY"))
    assert "Every amount in TRY" in entered_amounts.two_person_notice("refund", "TRY")
    assert "about 3000 JPY" in entered_amounts.two_person_notice("refund", "JPY").replace(",", "")


@pytest.mark.django_db(transaction=True)
def test_two_agreements_at_once_carry_it_out_once() -> None:
    row = entered(2_001)
    people = [clerk() for _ in range(6)]

    def press(user: User) -> str:
        try:
            return agreed(row, user).status
        except EnteredRefusedError as error:
            return error.message

    said = at_once([lambda user=user: press(user) for user in people])
    assert sorted(said) == sorted(["applied", *["This waits for nobody any more: done."] * 5])
    assert FundingRefund.objects.count() == 1
    assert Entry.objects.filter(action="amount.agreed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_agreeing_and_withdrawing_at_once_end_one_way() -> None:
    row, ada, bob = entered(2_001), clerk(), clerk()

    def safely(call: Any) -> str:
        try:
            call()
        except EnteredRefusedError as error:
            return error.message
        return "done"

    said = at_once(
        [
            lambda: safely(lambda: agreed(row, ada)),
            lambda: safely(lambda: entered_amounts.withdraw(entered=row, user=bob, reason=WHY)),
        ]
    )
    assert said.count("done") == 1
    assert FundingRefund.objects.count() == (EnteredAmount.objects.get().status == "applied")


def page(row: EnteredAmount, act: str = "change") -> str:
    return reverse(f"admin:wallet_enteredamount_{act}", args=[row.pk])


def staff(*codenames: str) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def test_the_form_announces_the_second_person_who_agrees_on_a_page() -> None:
    case, ada, bob = paid_case(), staff("view_case", "change_case"), staff("view_enteredamount", "agree_entered_amount")
    form = reverse("admin:wallet_case_act", args=[case.pk, "refund"])
    assert "More than 20.00 USD" in text_of(logged_in(ada).get(form))
    answer = logged_in(ada).post(form, opened(logged_in(ada), form) | {"amount": "30.00", "reason": WHY}, follow=True)
    assert "30.00 USD waits for a second person" in sentences(answer)
    row = EnteredAmount.objects.get()

    client = logged_in(bob)
    assert "Second person needed" in text_of(client.get(reverse("admin:wallet_enteredamount_changelist")))
    assert page(row, "agree") in text_of(client.get(page(row)))
    assert ada.get_username() in text_of(client.get(page(row, "agree")))
    assert send(client, page(row, "agree"), reason="Seen on the receipt").status_code == 302
    assert FundingRefund.objects.get().amount_minor == 3_000
    assert page(row, "agree") not in text_of(client.get(page(row)))


def test_a_suspended_person_agrees_to_no_amount() -> None:
    """Somebody else may have taken their login over."""
    row, bob = entered(2_001), clerk()
    User.objects.filter(pk=bob.pk).update(trusted_from=None)

    assert_refused(lambda: agreed(row, bob), "Set it up again")
    assert not FundingRefund.objects.exists()


def test_agreeing_takes_its_own_right() -> None:
    row = entered(2_001)
    for user in (staff("view_enteredamount"), staff("view_enteredamount", "change_case"), staff("agree_write_off")):
        client = logged_in(user)
        assert client.post(page(row, "agree"), {"reason": WHY, "shown_minor": "2001"}).status_code == 403
        assert client.post(page(row, "withdraw"), {"reason": WHY}).status_code == 403
    assert EnteredAmount.objects.get().status == "proposed"
    mine = logged_in(row.entered_by)
    row.entered_by.user_permissions.add(*Permission.objects.filter(codename="view_enteredamount"))
    assert mine.post(page(row, "withdraw"), {"reason": WHY}).status_code == 302
    assert EnteredAmount.objects.get().status == "withdrawn"


def test_a_page_that_is_older_than_the_proposal_agrees_to_nothing() -> None:
    row = entered(2_001)
    answer = logged_in().post(page(row, "agree"), {"reason": WHY, "shown_minor": "2002"})
    assert "Another amount was proposed" in str(answer.context["form"].errors)
    assert not FundingRefund.objects.exists()
