"""`manage.py preview_control`: the preview of the back office, from the terminal."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from issuing.models import ControlPreview
from tests.support.controls import ask, condition, draft
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("preview_control", *arguments, stdout=out)
    return out.getvalue()


def test_it_says_what_the_control_would_have_done() -> None:
    card = walkthrough_card()
    assert [ask(card, 4_500), ask(card, 100)] == ["", ""]
    version = draft(name="Meals", when=[condition("amount", [1_000, None], "between")])
    key = str(version.control_id)

    text = said(key)
    assert "Meals v1, 30 days: finished." in text
    assert "2 decisions looked at, 0 unreadable. 1 hits; 1 approved then would be declined, 0 the reverse." in text
    assert "Starbucks Coffee  45.00 USD  declined" in text
    found = json.loads(said(key, "--days", "7", "--format", "json", "--examples", "0"))
    assert (found["days"], found["hits"], found["examples"]) == (7, 1, [])
    assert list(ControlPreview.objects.values_list("asked_by", flat=True)) == [None, None]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["0"], "There is no control 0"),
        (["--number", "7"], "has no version 7; it has: 1"),
        (["--days", "91"], "1 to 90"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], why: str) -> None:
    version = draft(when=[condition("mcc", "5812")])
    whole = arguments if arguments == ["0"] else [str(version.control_id), *arguments]

    with pytest.raises(CommandError, match=why) as refused:
        said(*whole)

    assert refused.value.returncode == 2
    assert not ControlPreview.objects.exists()
