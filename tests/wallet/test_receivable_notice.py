"""The letter to a cardholder who owes: once, and again when mail was down (wallet/receivable_notice.py)."""

import datetime as dt
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.test import override_settings

from audit.models import Entry
from onecard.kit import clock
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.support.threads import at_once
from tests.wallet.charges.cascades import a_wallet, owe
from wallet import cases, receivable_notice
from wallet.models import Case

pytestmark = pytest.mark.django_db


def a_receivable(**charge: Any) -> Case:
    (method,) = a_wallet(cards=1)
    obligation = owe(method)
    obligation.charges.update(**{"status": "declined", "failure_code": "stolen_card", **charge})
    with transaction.atomic():
        return cases.open_obligation_case(kind="receivable", obligation=obligation, summary="None could pay.")


def trail_of(case: Case) -> list[str]:
    entries = Entry.objects.filter(subject_type="case", subject_id=str(case.pk)).exclude(action="case.opened")
    return list(entries.order_by("pk").values_list("action", flat=True))


def test_the_letter_names_amount_and_freeze_but_not_the_banks_reason() -> None:
    case = a_receivable()

    assert receivable_notice.send(case_id=case.pk, card_is_frozen=True)

    (letter,) = mail.outbox
    assert case.obligation is not None
    assert letter.to == [case.obligation.cardholder.user.email]
    assert letter.subject == "Not paid yet: Starbucks Coffee, 45.00 USD"
    assert "45.00 USD is still to be paid" in letter.body
    assert "frozen" in letter.body
    assert "stolen" not in letter.body
    assert "try again ourselves" not in letter.body
    assert trail_of(case) == ["cardholder.telling", "cardholder.told"]


def test_it_names_the_retries_and_no_freeze_that_is_not_there() -> None:
    case = a_receivable(status="intended")

    receivable_notice.send(case_id=case.pk, card_is_frozen=False)

    assert "try again ourselves" in mail.outbox[0].body
    assert "frozen" not in mail.outbox[0].body


def test_sends_one_letter_per_receivable() -> None:
    case = a_receivable()

    assert [receivable_notice.send(case_id=case.pk, card_is_frozen=True) for _ in range(3)] == [True, False, False]

    assert len(mail.outbox) == 1
    assert receivable_notice.sweep(now=clock.now() + dt.timedelta(days=1)) == 0


@pytest.mark.django_db(transaction=True)
def test_eight_concurrent_calls_send_one_letter() -> None:
    case = a_receivable()

    results = at_once([lambda: receivable_notice.send(case_id=case.pk, card_is_frozen=True)] * 8)

    assert results.count(True) == 1
    assert len(mail.outbox) == 1


def test_no_letter_is_sent_for_a_paid_receivable() -> None:
    case = a_receivable()
    Case.objects.update(status="resolved", resolved_at=clock.now())

    assert not receivable_notice.send(case_id=case.pk, card_is_frozen=True)

    assert (mail.outbox, trail_of(case)) == ([], [])


def test_a_mail_server_that_is_away_is_asked_again_later_and_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    case = a_receivable()

    def away(*_args: object, **_more: object) -> int:
        raise SMTPServerDisconnected

    with time_machine.travel(clock.now(), tick=False) as traveller:
        with monkeypatch.context() as patch:
            patch.setattr(receivable_notice, "send_mail", away)
            assert not receivable_notice.send(case_id=case.pk, card_is_frozen=True)
        assert not receivable_notice.send(case_id=case.pk, card_is_frozen=True), "its try is fresh"
        traveller.shift(receivable_notice.FIRST_WAIT)
        assert receivable_notice.sweep() == 1
        assert Message.objects.get(topic="cardholder.notify").payload == {"case_id": case.pk}
        assert receivable_notice.sweep() == 0, "asked already"
        assert receivable_notice.send(case_id=case.pk, card_is_frozen=True)

    assert trail_of(case) == ["cardholder.telling", "cardholder.telling", "cardholder.told"]


@override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1)
def test_attempts_end_and_the_trail_says_so() -> None:
    case = a_receivable()

    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(receivable_notice.MOST_ATTEMPTS + 3):
            receivable_notice.send(case_id=case.pk, card_is_frozen=True)
            traveller.shift(receivable_notice.LONGEST_WAIT)
        assert receivable_notice.sweep() == 0

    assert trail_of(case) == ["cardholder.telling"] * receivable_notice.MOST_ATTEMPTS + ["cardholder.unreachable"]


def test_a_holder_without_an_address_gets_no_letter_and_no_retry() -> None:
    case = a_receivable()
    assert case.obligation is not None
    type(case.obligation.cardholder.user).objects.update(email="")

    assert not receivable_notice.send(case_id=case.pk, card_is_frozen=True)

    assert (mail.outbox, trail_of(case)) == ([], ["cardholder.unreachable"])


def test_a_letter_is_never_sent_inside_a_transaction() -> None:
    case = a_receivable()

    with pytest.raises(TransactionError), transaction.atomic():
        receivable_notice.send(case_id=case.pk, card_is_frozen=True)

    assert mail.outbox == []


def test_a_merchants_name_cannot_add_lines_to_the_letters_head() -> None:
    case = a_receivable()
    assert case.obligation is not None
    type(case.obligation).objects.update(description="Cafe\r\nBcc: everybody@example.com")

    assert receivable_notice.send(case_id=case.pk, card_is_frozen=True)

    assert mail.outbox[0].subject == "Not paid yet: Cafe Bcc: everybody@example.com, 45.00 USD"
    assert mail.outbox[0].bcc == []
