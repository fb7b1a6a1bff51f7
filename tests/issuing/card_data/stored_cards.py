"""Cards whose numbers are kept sealed, and what a test does with them."""

import io
import os
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from issuing.card_data.vault import reveal_stored, store_card_data
from issuing.models import VirtualCard
from tests.support.factories import VirtualCardFactory

OLD, NEW = os.urandom(32), os.urandom(32)
NUMBER, CVV = "4242424242424242", "737"
REASON = "The cardholder asked on the phone"
real_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def storing(settings: Any) -> None:
    settings.STORE_CARD_DATA = True
    settings.CARD_DATA_KEYS = (OLD,)


def stored_card(number: str = NUMBER, cvv: str = CVV) -> VirtualCard:
    card = VirtualCardFactory(last_four=number[-4:])
    store_card_data(card, number=number, cvv=cvv)
    return card


def reveal(card: VirtualCard, actor: str = "user:1") -> tuple[str, str]:
    shown = reveal_stored(card, actor=actor, reason=REASON)
    return shown.number, shown.cvv


def outcomes() -> list[str]:
    return [entry.details["outcome"] for entry in Entry.objects.filter(action="card_data.reveal").order_by("id")]


def rotate(**options: Any) -> tuple[str, str]:
    """Runs the command; gives what it wrote, or raises CommandError with that in its notes."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("rotate_card_keys", stdout=out, stderr=err, **options)
    except CommandError as error:
        error.add_note(out.getvalue() + err.getvalue())
        raise
    return out.getvalue(), err.getvalue()


def swap(first: VirtualCard, second: VirtualCard, *columns: str) -> None:
    for card, other in ((first, second), (second, first)):
        VirtualCard.objects.filter(pk=card.pk).update(**{column: getattr(other, column) for column in columns})
