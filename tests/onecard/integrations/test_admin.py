"""Staff see endpoints and their log without any secret, switch them, and send again."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from audit.models import Entry
from onecard.integrations import endpoints, sending, signing
from onecard.integrations.models import Delivery, Endpoint
from onecard.kit import clock
from onecard.notices import services
from onecard.notices.kinds import Kind
from onecard.users.models import User
from tests.onecard.admin_pages import page
from tests.support.back_office import logged_in, send, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.webhook_receivers import Receiver

pytestmark = pytest.mark.django_db
SINCE = "2020-01-01"


def happens(user: User, *numbers: int) -> None:
    for number in numbers:
        services.write(user_id=user.pk, kind=Kind.REFUND_ARRIVED, cause=f"refund:{number}", text="5.00 USD went back.")


def button(row: Any, name: str) -> str:
    return page(type(row), name, row.pk)


def test_the_pages_show_what_was_sent_and_no_secret(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    receiver.answers(500, b"<b>broken</b> 4242 4242 4242 4242")
    happens(user, 1)
    row = Delivery.objects.get()
    sending.send(delivery_id=row.pk)
    client = logged_in()

    log = text_of(client.get(page(Delivery, "changelist"), {"endpoint": str(endpoint.pk)}))
    one, its_endpoint = (text_of(client.get(page(type(each), "change", each.pk))) for each in (row, endpoint))

    assert "Refund sent to a card" in log
    assert "&lt;b&gt;broken&lt;/b&gt; **** **** **** 4242" in one
    assert "It answered 500." in one
    assert str(row.event.public_id) in one
    assert receiver.url in its_endpoint
    assert f"?endpoint={endpoint.pk}" in its_endpoint
    for shown in (log, one, its_endpoint):
        assert signing.secret_of(endpoint) not in shown
        assert endpoint.sealed_secret not in shown
    assert "Refund" not in text_of(client.get(page(Delivery, "changelist"), {"endpoint": "99"})).partition("<table")[2]
    assert client.get(page(Delivery, "changelist"), {"endpoint": "x\u0661"}).status_code == 200


def test_staff_switch_an_endpoint_off_and_on_with_a_reason(endpoint: Endpoint) -> None:
    boss = superuser()
    client = logged_in(boss)

    off = send(client, button(endpoint, "switch_off"), reason="Floods a stranger.")
    assert off.status_code == 302
    endpoint.refresh_from_db()
    assert endpoint.off_by == "staff"
    shown = text_of(client.get(page(Endpoint, "change", endpoint.pk)))
    assert button(endpoint, "switch_on") in shown
    assert button(endpoint, "replay_since") not in shown

    send(client, button(endpoint, "switch_on"), reason="Mended.")
    endpoint.refresh_from_db()
    assert endpoint.is_on
    said = Entry.objects.filter(action__in=("webhook_endpoint.off", "webhook_endpoint.on")).order_by("pk")
    assert [(each.actor, each.details["reason"]) for each in said] == [
        (f"user:{boss.pk}", "Floods a stranger."),
        (f"user:{boss.pk}", "Mended."),
    ]


def test_staff_send_one_again_and_all_since_a_time(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    happens(user, 1, 2)
    first, second = Delivery.objects.order_by("pk")
    sending.send(delivery_id=first.pk)
    client = logged_in()

    assert send(client, button(first, "send_again"), reason="They lost it.").status_code == 302
    assert sending.send(delivery_id=first.pk) == "delivered"
    assert receiver.ids == [str(first.event.public_id)] * 2

    Delivery.objects.filter(pk=second.pk).update(status="given_up", next_attempt_at=None)
    assert send(client, button(endpoint, "replay_since"), since=SINCE, reason="They asked.").status_code == 302
    assert [each.status for each in Delivery.objects.order_by("pk")] == ["delivered", "waiting"]
    send(client, button(endpoint, "replay_since"), since=SINCE, only_missed=None, reason="All of it.")
    assert [each.status for each in Delivery.objects.order_by("pk")] == ["waiting", "waiting"]
    counted = Entry.objects.filter(action="webhook_endpoint.replayed").order_by("pk")
    assert [each.details["events"] for each in counted] == [1, 2]


def test_a_time_that_is_none_is_refused_beside_the_form(endpoint: Endpoint) -> None:
    answer = send(logged_in(), button(endpoint, "replay_since"), since="yesterday", reason="They asked.")
    assert answer.status_code == 200
    assert answer.context["form"].errors["since"]


def test_nothing_is_sent_again_to_an_endpoint_that_went_off_meanwhile(endpoint: Endpoint, user: User) -> None:
    happens(user, 1)
    endpoints.change(endpoint, actor="user:1", is_on=False)

    answer = send(logged_in(), button(Delivery.objects.get(), "send_again"), reason="They lost it.")

    assert "switched off: switch it on first" in text_of(answer)
    assert Delivery.objects.get().status == "given_up"


def test_whoever_may_only_look_has_no_buttons(endpoint: Endpoint, user: User) -> None:
    happens(user, 1)
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
    client = logged_in(clerk)

    for row, names in (
        (endpoint, ("switch_off", "switch_on", "replay_since")),
        (Delivery.objects.get(), ("send_again",)),
    ):
        for name in names:
            assert client.post(button(row, name), {"reason": "I want to."}).status_code == 403
    endpoint.refresh_from_db()
    assert endpoint.is_on


def test_the_command_replays_counts_and_refuses(
    endpoint: Endpoint, user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    happens(user, 1, 2)
    Delivery.objects.update(status="delivered", delivered_at=clock.now())
    since = (clock.now() - dt.timedelta(hours=1)).isoformat()

    call_command("replay_webhooks", str(endpoint.pk), "--since", since, "--dry-run")
    assert capsys.readouterr().out == "2 events would be sent again. Nothing was done.\n"
    call_command("replay_webhooks", str(endpoint.pk), "--since", since, "--only-missed")
    assert capsys.readouterr().out == "0 of 0 events are sent again.\n"
    call_command("replay_webhooks", str(endpoint.pk), "--since", since)
    assert capsys.readouterr().out == "2 of 2 events are sent again.\n"
    assert set(Delivery.objects.values_list("status", flat=True)) == {"waiting"}

    with pytest.raises(CommandError, match="There is no webhook endpoint 999999"):
        call_command("replay_webhooks", "999999", "--since", since)
    endpoints.change(endpoint, actor="user:1", is_on=False)
    with pytest.raises(CommandError, match="switched off"):
        call_command("replay_webhooks", str(endpoint.pk), "--since", since)
