"""A person's endpoints: how many, whose, changed by whom, and what the trail says."""

import uuid
from contextlib import suppress
from typing import Any

import pytest

from audit.models import Entry
from onecard.integrations import endpoints, switching
from onecard.integrations.errors import (
    EndpointOffError,
    StoppedByStaffError,
    TargetRefusedError,
    TooManyEndpointsError,
)
from onecard.integrations.models import Endpoint
from onecard.users.models import User
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/a?token=abcdef"


def create(user: User, key: uuid.UUID | None = None, **more: Any) -> Endpoint:
    wanted: dict[str, Any] = {"url": URL, "description": "", "wanted": ["*"]} | more
    return endpoints.create(user, **wanted, key=key or uuid.uuid4(), actor=f"user:{user.pk}")


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_no_more_than_the_limit(user: User) -> None:
    def one() -> None:
        with suppress(TooManyEndpointsError):
            create(user)

    at_once([one] * 20)

    assert endpoints.of_person(user.pk).count() == endpoints.MOST
    endpoints.delete(Endpoint.objects.first() or create(user), actor="user:1")
    assert create(user)


@pytest.mark.django_db(transaction=True)
def test_one_request_that_comes_ten_times_makes_one(user: User) -> None:
    key = uuid.uuid4()
    made = at_once([lambda: create(user, key)] * 10)
    assert {each.pk for each in made} == {Endpoint.objects.get().pk}


def test_the_trail_has_the_host_and_nothing_else_of_the_address(user: User) -> None:
    row = create(user, wanted=["card.frozen", "card.frozen"])
    endpoints.change(row, actor="user:1", url="https://b.example.com/secret", description="Books")
    endpoints.change(row, actor="user:1", description="Books")

    added, changed = Entry.objects.order_by("pk")
    assert added.details == {"host": "hooks.example.com", "events": ["card.frozen"]}
    assert changed.details == {"changes": {"host": "b.example.com", "description": "Books"}}


def test_an_address_that_is_refused_changes_nothing(user: User) -> None:
    row = create(user)
    with pytest.raises(TargetRefusedError):
        endpoints.change(row, actor="user:1", description="New", url="https://10.0.0.1/")
    row.refresh_from_db()
    assert (row.url, row.description) == (URL, "")


def test_whoever_switched_it_off_counts(user: User) -> None:
    row = create(user)
    endpoints.change(row, actor="user:1", is_on=False)
    switching.switch_off(row, by="staff", actor="user:9", reason="Floods a stranger.")
    endpoints.change(row, actor="user:1", is_on=False)

    with pytest.raises(StoppedByStaffError):
        endpoints.change(row, actor="user:1", is_on=True)
    with pytest.raises(EndpointOffError):
        endpoints.send_test(row)
    switching.switch_on(row, actor="user:9", is_staff=True, reason="Mended.")

    row.refresh_from_db()
    assert row.is_on
    said = Entry.objects.filter(action__startswith="webhook_endpoint.o").order_by("pk")
    assert [(each.action, each.actor) for each in said] == [
        ("webhook_endpoint.off", "user:1"),
        ("webhook_endpoint.off", "user:9"),
        ("webhook_endpoint.on", "user:9"),
    ]


def test_a_deleted_endpoint_keeps_no_secret(user: User) -> None:
    row = create(user)
    endpoints.rotate(row, key=uuid.uuid4(), actor="user:1")
    endpoints.delete(row, actor="user:1")
    endpoints.delete(row, actor="user:1")

    row.refresh_from_db()
    assert (row.sealed_secret, row.sealed_old_secret, row.is_on) == ("", "", False)
    assert Entry.objects.filter(action="webhook_endpoint.deleted").count() == 1
    assert list(endpoints.of_person(user.pk)) == []
    assert endpoints.rotate(row, key=uuid.uuid4(), actor="user:1").sealed_secret == ""
