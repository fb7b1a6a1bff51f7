"""What a look at others' decisions reads: what waits in the journal, and what was written out since."""

import asyncio

import pytest

from issuing import journal
from issuing.authorizations import authorize, late_approvals
from issuing.history import followed, reading
from issuing.history.followed import Look
from issuing.issuers.stripe.answers import STRIPE
from issuing.models import Decision, JournalEntry, VirtualCard
from onecard.kit.postgresql.loop_connection import LoopConnection
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)


def looked(newest_id: int | None) -> Look:
    async def look() -> Look:
        link = LoopConnection()
        try:
            return await reading.look(link, newest_id, remaining_ms=10_000)
        finally:
            link.close()

    return asyncio.run(look())


def ask(card: VirtualCard, *, is_left: bool = False) -> str:
    """Asks for an approval and returns the event's id; `is_left` has the process die before it writes it out."""
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    with pytest.MonkeyPatch.context() as patch:
        if is_left:
            patch.setattr(authorize.journal, "write_soon", lambda *_event: None)
        assert stripe_events.post(asked).json()["approved"]
    return str(asked["id"])


def test_what_waits_and_what_was_written_since_are_seen_apart() -> None:
    card, other = walkthrough_card(), walkthrough_card()
    assert looked(None) == Look(0, frozenset(), frozenset())
    ask(card)
    first = Decision.objects.get()
    # A first look has nothing before it.
    assert looked(None) == Look(first.pk, frozenset(), frozenset())
    ask(other)
    ask(card, is_left=True)

    second, entry = Decision.objects.latest("pk"), JournalEntry.objects.get()
    waits, written = (entry.public_id.bytes, card.pk), (second.public_id.bytes, other.pk)
    assert looked(first.pk) == Look(second.pk, frozenset({waits}), frozenset({written}))

    journal.write_all()
    last = Decision.objects.latest("pk")
    assert looked(second.pk) == Look(last.pk, frozenset(), frozenset({waits}))
    assert looked(last.pk) == Look(last.pk, frozenset(), frozenset())


def test_what_no_past_holds_is_not_seen() -> None:
    """A correction counts for no history, and neither does a purchase with a card that is not ours."""
    event_id = ask(walkthrough_card())
    late_approvals.withdraw_approval(provider="stripe", event_id=event_id, answers=STRIPE)
    newest = Decision.objects.latest("pk").pk
    assert looked(newest - 1) == Look(newest, frozenset(), frozenset())

    stripe_events.post(stripe_events.authorization_request(card="ic_unknown"))

    unknown = Decision.objects.latest("pk").pk
    assert unknown > newest
    assert looked(newest) == Look(unknown, frozenset(), frozenset())


def test_more_than_a_look_may_read_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    for _ in range(3):
        ask(card)
    first, *_, last = Decision.objects.order_by("pk").values_list("pk", flat=True)
    monkeypatch.setattr(followed, "MOST_DECISIONS", 1)

    assert looked(first) == Look(last, frozenset(), None)
    assert looked(last - 1).written is not None
