"""A notice is mailed once, whatever workers, queue and mail server do."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail

from onecard.celery import SUBSCRIBERS
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.notices import choices, mails, services
from onecard.notices.kinds import Channel, Kind
from onecard.notices.models import NoticeMail
from onecard.outbox.models import Message
from onecard.users.models import User
from tests.support.factories import UserFactory
from tests.support.mail_servers import running_mail_server
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory(email="jane@example.com", first_name="Jane", last_name="Diaz")


@pytest.fixture
def server(settings: Any) -> Iterator[Any]:
    with running_mail_server(settings) as running:
        yield running


def declined(user: User) -> NoticeMail:
    with transaction():
        services.write(
            user_id=user.pk,
            kind=Kind.PURCHASE_DECLINED,
            cause="decision:1",
            text="9.00 USD at Joe's. Your card is frozen.",
        )
    return NoticeMail.objects.get()


def test_a_notice_is_mailed_in_plain_words(user: User) -> None:
    row = declined(user)
    message = Message.objects.get(topic="notice.mail")
    assert message.payload == {"mail_id": row.pk}
    assert SUBSCRIBERS["notice.mail"] == ("onecard.notices.tasks.send_mail",)

    assert mails.send(mail_id=row.pk) == mails.send(mail_id=row.pk) == "sent"

    (sent,) = mail.outbox
    assert sent.to == ["jane@example.com"]
    assert sent.subject == "One Card: Purchase declined"
    assert "Hello Jane Diaz,\n\n9.00 USD at Joe's. Your card is frozen." in sent.body
    assert str(row.notice.public_id) in sent.extra_headers["Message-ID"]


def test_what_is_chosen_for_the_feed_only_or_mailed_elsewhere_has_no_mail(user: User) -> None:
    choices.choose(user, {Kind.PURCHASE_DECLINED: Channel.FEED}, actor=f"user:{user.pk}")
    for number, kind in enumerate((Kind.PURCHASE_DECLINED, Kind.NEW_DEVICE, Kind.UNPAID, Kind.PURCHASE_APPROVED)):
        services.write(user_id=user.pk, kind=kind, cause=f"test:{number}", text="Something.")

    assert services.feed_of(user.pk).count() == 4
    assert NoticeMail.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_mail(user: User, server: Any) -> None:
    row = declined(user)

    at_once([lambda: mails.send(mail_id=row.pk)] * 4)

    assert server.taken == 1
    assert NoticeMail.objects.get().status == "sent"


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_refuses_is_asked_again_later(user: User, server: Any) -> None:
    server.is_full = True
    row = declined(user)
    assert mails.send(mail_id=row.pk) == "intended"
    assert mails.send(mail_id=row.pk) == "intended"
    assert NoticeMail.objects.get().attempts == 1

    server.is_full = False
    with clock.ahead(dt.timedelta(minutes=1)):
        assert mails.sweep() == 1

    assert server.taken == 1
    assert NoticeMail.objects.get().status == "sent"


@pytest.mark.django_db(transaction=True)
def test_a_mail_of_a_worker_that_died_goes_out_again_after_its_claim(user: User, server: Any) -> None:
    row = declined(user)
    with transaction():
        assert mails.MAILS.claim(row, status="sending")

    assert mails.send(mail_id=row.pk) == "sending"
    assert server.taken == 0
    with clock.ahead(dt.timedelta(minutes=3)):
        mails.sweep()
    assert server.taken == 1


def test_a_mail_that_is_no_news_any_more_is_given_up(user: User) -> None:
    row = declined(user)
    with clock.ahead(dt.timedelta(days=3)):
        assert mails.send(mail_id=row.pk) == "given_up"
    assert mail.outbox == []
