"""The command that builds pasts anew, and pasts that several writers keep at once."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from issuing import journal
from issuing.authorizations import authorize, together
from issuing.history import rebuilding
from issuing.models import CardHistory, Decision, JournalEntry, VirtualCard
from tests.support import stripe_events
from tests.support.factories import CardholderFactory, VirtualCardFactory
from tests.support.threads import at_once
from tests.support.wallets import copy_wallet, walkthrough_card


def run(*options: str) -> str:
    said = StringIO()
    call_command("rebuild_card_history", *options, stdout=said, stderr=StringIO())
    return said.getvalue()


def buy(card: VirtualCard, amount: int = 100) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=amount))


@pytest.mark.django_db
def test_the_command_mends_what_differs_and_a_dry_run_does_not() -> None:
    card = walkthrough_card()
    buy(card)
    buy(card, amount=10**9)
    assert "1 cards looked at, nothing was changed." in run("--dry-run")
    CardHistory.objects.update(approvals=9, merchants={})

    with pytest.raises(CommandError, match="1 of 1 cards have another past") as raised:
        run("--dry-run")
    assert raised.value.returncode == 1
    assert CardHistory.objects.get().approvals == 9

    assert "1 cards looked at, 1 changed." in run()
    kept = CardHistory.objects.get()
    assert (kept.approvals, kept.approved_minor, kept.squares, len(kept.recent)) == (1, 100, 10_000, 2)
    assert "nothing was changed" in run("--dry-run")


@pytest.mark.django_db
def test_pasts_of_before_this_release_are_built_from_stored_decisions() -> None:
    card = walkthrough_card()
    buy(card)
    CardHistory.objects.all().delete()

    run()

    assert CardHistory.objects.get(card=card).approvals == 1


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_keep_each_decision_once(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 30_000
    one = walkthrough_card()
    cards = [one, *(_card_like(one) for _ in range(2))]
    with monkeypatch.context() as patch:
        patch.setattr(authorize.journal, "write_soon", lambda *_event: None)
        for number in range(18):
            buy(cards[number % 3], amount=10**9 if number % 4 == 0 else 100 + number)
    together.forget()
    assert JournalEntry.objects.count() == 18

    # Each takes a few entries of all cards; the last ones wait for a card's lock, as an event does.
    at_once(
        [*[lambda: journal.write_waiting(3)] * 6, *(lambda pk=card.pk: rebuilding.rebuild_card(pk) for card in cards)]
    )
    journal.write_all()

    assert Decision.objects.count() == 18
    assert sum(len(each.recent) for each in CardHistory.objects.all()) == 18
    assert [rebuilding.rebuild_card(card.pk) for card in cards] == [False] * 3


def _card_like(one: VirtualCard) -> VirtualCard:
    holder = CardholderFactory(preference="cash")
    copy_wallet(one.cardholder, holder)
    return VirtualCardFactory(cardholder=holder)
