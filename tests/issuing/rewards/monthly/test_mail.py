"""The report goes out once, in the first days of the next month, as the person chose; the command does it later."""

import datetime as dt
import io
from typing import Any

import pytest
from django.core import mail as outgoing
from django.core.management import CommandError, call_command

from issuing.models import VirtualCard
from issuing.rewards.monthly import mail
from issuing.rewards.monthly.months import month_before
from onecard.notices import choices, mails
from onecard.notices.kinds import Channel, Kind
from onecard.notices.models import Cursor, Notice, NoticeMail
from onecard.users.models import User
from tests.issuing.rewards.monthly.months import next_month, this_month
from tests.issuing.rewards.purchases import bought, refunded
from tests.support.factories import CardholderFactory, VirtualCardFactory
from tests.support.threads import at_once
from tests.support.wallets import copy_wallet, walkthrough_card
from wallet.models import Cardholder

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def reports() -> list[Notice]:
    return list(Notice.objects.filter(kind="monthly_report").order_by("pk"))


def month() -> str:
    return f"{this_month():%Y-%m}"


def command(**options: Any) -> str:
    out = io.StringIO()
    call_command("monthly_report", stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_the_report_is_sent_once_and_stays_as_it_was(card: VirtualCard) -> None:
    charge = bought(card)
    CardholderFactory()
    assert mail.sweep() == 0

    with next_month():
        assert mail.sweep() == 1
        assert mail.sweep() == 0
    with next_month(day=3):
        assert mail.sweep() == 0
    (notice,) = reports()
    assert notice.user == card.cardholder.user
    assert notice.reference == f"monthly_report:{month()}"
    assert notice.text.startswith(f"{this_month():%B %Y}: you spent 45.00 USD and earned 1.35 USD.")

    before = notice.text
    refunded(charge, 1000)
    with next_month(day=4):
        assert mail.sweep() == 0
    assert [each.text for each in reports()] == [before]


def test_it_is_mailed_unless_the_person_chose_otherwise(card: VirtualCard) -> None:
    User.objects.filter(pk=card.cardholder.user_id).update(email="jane@example.com")
    bought(card)
    with next_month():
        mail.sweep()
        mails.send(mail_id=NoticeMail.objects.get(notice__kind="monthly_report").pk)
    (sent,) = outgoing.outbox
    assert sent.subject == "One Card: Your monthly report"
    assert "you spent 45.00 USD" in sent.body
    assert "which of these mails you get" in sent.body


@pytest.mark.parametrize("channel", [Channel.OFF, Channel.FEED])
def test_who_wants_no_mail_gets_none(card: VirtualCard, channel: Channel) -> None:
    bought(card)
    choices.choose(card.cardholder.user, {Kind.MONTHLY_REPORT: channel}, actor="user:1")
    with next_month():
        mail.sweep()
    (notice,) = reports()
    assert notice.is_shown == (channel == Channel.FEED)
    assert not NoticeMail.objects.filter(notice=notice).exists()


def test_nothing_goes_out_too_early_or_too_late(card: VirtualCard) -> None:
    bought(card)
    with pytest.raises(mail.NotOverError, match="is not over"):
        mail.send(holder_id=card.cardholder_id, month=this_month())
    with next_month(day=11):
        assert mail.sweep() == 0
    assert reports() == []


def test_one_who_fails_holds_up_nobody_and_comes_again_the_next_day(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(card)
    other = walkthrough_card_of(CardholderFactory(), card)
    real = mail.reports_of

    def fails(holder: Cardholder, first: dt.date) -> Any:
        if holder.pk == card.cardholder_id:
            raise RuntimeError("broken")
        return real(holder, first)

    monkeypatch.setattr(mail, "reports_of", fails)
    with next_month():
        assert mail.sweep() == 2
        assert mail.sweep() == 0
    assert [each.user_id for each in reports()] == [other.user_id]
    monkeypatch.setattr(mail, "reports_of", real)
    with next_month(day=3):
        assert mail.sweep() == 1
    assert {each.user_id for each in reports()} == {card.cardholder.user_id, other.user_id}
    assert Cursor.objects.filter(name__startswith=f"monthly_report:{month()}:").count() == 2


def walkthrough_card_of(holder: Cardholder, like: VirtualCard) -> Cardholder:
    """Has another person buy with the same kind of wallet."""
    copy_wallet(like.cardholder, holder)
    bought(VirtualCardFactory(cardholder=holder))
    return holder


def test_whom_a_sweep_had_no_time_for_the_next_one_takes(card: VirtualCard) -> None:
    bought(card)
    other = walkthrough_card_of(CardholderFactory(), card)
    with next_month():
        assert mail.sweep(work_s=0) == 1
        assert [each.user_id for each in reports()] == [card.cardholder.user_id]
        assert mail.sweep(work_s=0) == 1
        assert [each.user_id for each in reports()] == [card.cardholder.user_id, other.user_id]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_one(card: VirtualCard) -> None:
    bought(card)
    with next_month():
        sent = at_once([lambda: mail.send(holder_id=card.cardholder_id, month=this_month_before())] * 4)
    assert len(reports()) == 1
    assert sorted(sent) == [False, False, False, True]


def this_month_before() -> dt.date:
    """The month before that of the clock, which stands in the next month."""
    return month_before(this_month())


def test_the_command_shows_and_sends_and_a_dry_run_sends_nothing(card: VirtualCard) -> None:
    charge = bought(card)
    login, asked = card.cardholder.user.get_username(), month()
    shown = command(month=asked, cardholder=[login])
    assert "45.00 USD in 1 purchases, earned 1.35 USD" in shown
    assert "possible with hindsight" in shown
    with next_month(day=20):
        assert command(month=asked, send=True, dry_run=True) == f"{login}\n1 would be sent.\n"
        assert reports() == []
        assert command(month=asked, send=True) == "1 were sent.\n"
        assert command(month=asked, send=True).startswith("Nobody has a report of this month to come")
    assert len(reports()) == 1
    refunded(charge, 4500)
    assert "No purchase in this month" in command(month=asked, cardholder=[login])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"month": "10/2026", "cardholder": ["who"]}, "No wallet belongs to a login"),
        ({"month": "10/2026", "send": True}, "write it like 2026-10"),
        ({"month": "2026-10", "dry_run": True}, "--dry-run goes with --send"),
        ({"month": "2026-10"}, "Name a --cardholder"),
    ],
)
def test_wrong_arguments_of_the_command_are_said(options: dict[str, Any], words: str) -> None:
    if "cardholder" in options:
        options = options | {"month": "2026-10"}
    with pytest.raises(CommandError, match=words) as refused:
        command(**options)
    assert refused.value.returncode == 2
    assert reports() == []
