"""A control is written, tried, put into force by a second person, and ended."""

from itertools import pairwise
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.models import Entry
from issuing.controls import life
from issuing.controls.errors import DefinitionError, MoveError, SamePersonError
from issuing.models import Control, ControlBook, ControlVersion, VirtualCard
from tests.support.controls import ask, condition, draft, in_force, shadow
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db
MCC = {"when": [condition("mcc", "5812")], "action": {"kind": "decline"}}


def written(**changes: Any) -> dict[str, Any]:
    return {"definition": MCC, "reason_code": "no_food", "sentence": "No food.", "actor": "user:1"} | changes


def test_a_draft_meets_no_purchase_and_a_switched_off_version_neither() -> None:
    card, version = walkthrough_card(), draft(when=[condition("mcc", "5812")])
    assert ask(card) == ""

    life.activate(life.to_shadow(version, actor="user:1"), actor="user:2")
    assert ask(card) == version.reason_code

    life.switch_off(version, actor="user:1", reason="Too strict.")
    assert ask(card) == ""


def test_nobody_puts_into_force_what_they_wrote() -> None:
    version = shadow(when=[condition("mcc", "5812")])

    with pytest.raises(SamePersonError):
        life.activate(version, actor="user:1")
    with pytest.raises(IntegrityError), transaction.atomic():
        ControlVersion.objects.filter(pk=version.pk).update(publisher="user:1")
    assert ControlVersion.objects.get(pk=version.pk).state == "shadow"


def test_only_its_author_changes_a_draft() -> None:
    version = life.create(name="No food", **written())

    life.change_draft(version, **written(sentence="None."))
    with pytest.raises(SamePersonError):
        life.change_draft(version, **written(actor="user:2"))

    assert ControlVersion.objects.get(pk=version.pk).sentence == "None."


def test_what_met_a_purchase_is_not_changed() -> None:
    version = shadow(when=[condition("mcc", "5812")])

    with pytest.raises(MoveError):
        life.change_draft(version, **written())
    with pytest.raises(DatabaseError, match="is no draft"), transaction.atomic():
        ControlVersion.objects.filter(pk=version.pk).update(sentence="Another one.")


@pytest.mark.parametrize("move", [life.to_shadow, life.activate])
def test_no_version_comes_back(move: Any) -> None:
    version = in_force(when=[condition("mcc", "5812")])
    life.switch_off(version, actor="user:1", reason="Enough.")

    with pytest.raises(MoveError, match="This version is off"):
        move(version, actor="user:3")


def test_a_draft_is_tried_before_it_is_in_force() -> None:
    with pytest.raises(MoveError):
        life.activate(draft(when=[condition("mcc", "5812")]), actor="user:2")


def test_a_control_has_one_active_and_one_shadow_version() -> None:
    first = in_force(when=[condition("mcc", "5812")])
    later = life.write_version(first.control, **written(reason_code=first.reason_code))
    with pytest.raises(MoveError):
        life.write_version(first.control, **written(reason_code=first.reason_code))
    life.activate(life.to_shadow(later, actor="user:1"), actor="user:2")

    states = dict(ControlVersion.objects.filter(control=first.control).values_list("number", "state"))
    assert states == {1: "off", 2: "active"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reason_code": "X"}, "3 to 40 characters"),
        ({"reason_code": "kyc_not_verified"}, "has another meaning already"),
        ({"reason_code": "cash_not_allowed"}, "has another meaning already"),
        ({"sentence": " "}, "Write the sentence"),
        ({"name": " "}, "a name"),
        ({"definition": {"when": []}}, "action.kind"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(changes: dict[str, Any], sentence: str) -> None:
    before = Control.objects.count()

    with pytest.raises(DefinitionError, match=sentence):
        life.create(**{"name": "No food", **written(), **changes})

    assert Control.objects.count() == before


def test_a_change_raises_the_version_of_what_it_is_for() -> None:
    card = walkthrough_card()

    def versions() -> tuple[int, int, int]:
        fresh = VirtualCard.objects.select_related("cardholder").get(pk=card.pk)
        return ControlBook.objects.get().version, fresh.version, fresh.cardholder.wallet_version

    steps = [versions()]
    draft(when=[condition("mcc", "1")])
    steps.append(versions())
    for subject in ({}, {"card": card}, {"cardholder": card.cardholder}):
        shadow(when=[condition("mcc", "1")], **subject)
        steps.append(versions())

    changed = [tuple(a != b for a, b in zip(one, two, strict=True)) for one, two in pairwise(steps)]
    assert changed == [(False,) * 3, (True, False, False), (False, True, False), (False, False, True)]


def test_each_step_is_in_the_trail() -> None:
    version = in_force(when=[condition("mcc", "5812")])
    life.switch_off(version, actor="user:3", reason="Enough.")

    rows = Entry.objects.filter(subject_type="control", subject_id=str(version.control_id)).order_by("pk")
    assert list(rows.values_list("action", "actor")) == [
        ("control.drafted", "user:1"),
        ("control.shadowed", "user:1"),
        ("control.activated", "user:2"),
        ("control.switched_off", "user:3"),
    ]


def test_a_control_names_its_subject() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Control.objects.create(name="Of nobody", scope="card", created_at="2026-01-01T00:00:00Z")
    assert connection.is_usable()
