"""Staff see what a person heard of, and how it was mailed."""

import pytest

from onecard.notices import mails, services
from onecard.notices.kinds import Kind
from onecard.notices.models import Notice, NoticeMail
from tests.onecard.admin_pages import page
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_each_notice_says_how_it_was_mailed() -> None:
    jane, other = UserFactory(email="jane@example.com"), UserFactory(email="other@example.com")
    for user, kind, cause in (
        (jane, Kind.PURCHASE_DECLINED, "decision:1"),
        (jane, Kind.PURCHASE_APPROVED, "decision:2"),
        (jane, Kind.NEW_DEVICE, "entry:1"),
        (other, Kind.CARD_CLOSED, "change:1"),
    ):
        services.write(user_id=user.pk, kind=kind, cause=cause, text="Something happened.")
    mails.send(mail_id=NoticeMail.objects.get(notice__cause="decision:1").pk)
    client = logged_in()

    shown = client.get(page(Notice, "changelist"), {"q": "jane@example.com"})
    rows = {row.cause: row for row in shown.context["cl"].result_list}
    sent = client.get(page(Notice, "changelist"), {"mail": "sent"}).context["cl"].result_list

    assert set(rows) == {"decision:1", "decision:2", "entry:1"}
    assert [row.cause for row in sent] == ["decision:1"]
    words = text_of(shown)
    assert "Sent" in words
    assert "Mailed at once" in words
    assert "Something happened." in text_of(client.get(page(Notice, "change", rows["decision:1"].pk)))
