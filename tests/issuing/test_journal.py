"""What follows from a committed decision is written from the journal once, whoever comes first."""

import functools
import threading
from typing import Any

import pytest
from django.db import connection, transaction

from issuing import journal, locking
from issuing.authorizations import authorize
from issuing.history import rebuilding
from issuing.models import Authorization, CardHistory, Decision, Hold, IssuerEvent, JournalEntry
from onecard.outbox.models import Message
from tests.support import stripe_events
from tests.support.locks import wait_for_somebody_who_waits
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingCharge, FundingObligation

WRITTEN = (IssuerEvent, Decision, Hold, FundingObligation, FundingCharge, Message)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An approved request whose process died before it wrote anything out."""
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    with monkeypatch.context() as patch:
        patch.setattr(authorize.journal, "write_soon", lambda *_event: None)
        assert stripe_events.post(asked).json()["approved"]
    return asked


def counts() -> list[int]:
    return [model.objects.count() for model in WRITTEN]


@pytest.mark.django_db
def test_the_answer_stands_before_anything_is_written_out(left: dict[str, Any]) -> None:
    assert counts() == [0] * 6
    assert Authorization.objects.get().approved_minor == 4500
    assert stripe_events.post(left).json()["approved"]
    assert JournalEntry.objects.get().event_id == left["id"]


@pytest.mark.django_db
def test_the_relay_writes_out_what_is_left(left: dict[str, Any]) -> None:
    assert journal.write_waiting() == 1
    assert journal.write_waiting() == 0

    assert counts() == [1] * 6
    assert Decision.objects.get().event.event_id == left["id"]
    assert FundingCharge.objects.get().idempotency_key == f"charge:{Decision.objects.get().public_id}:1"


@pytest.mark.django_db
@pytest.mark.usefixtures("left")
def test_whoever_locks_the_purchase_sees_all_of_it() -> None:
    with locking.locked_purchase(Authorization.objects.get()):
        assert counts() == [1] * 6


@pytest.mark.django_db
@pytest.mark.usefixtures("left")
def test_whoever_locks_the_card_sees_all_of_it() -> None:
    card = Authorization.objects.get().card_id
    assert card is not None
    locking.lock_card(card)
    assert counts() == [1] * 6


@pytest.mark.django_db
def test_a_later_round_finds_the_one_before_it(left: dict[str, Any]) -> None:
    purchase = left["data"]["object"]
    history = [{"amount": 4500, "approved": True, "reason": "webhook_approved"}]
    more = stripe_events.authorization_request(
        card=purchase["card"]["id"], authorization=purchase["id"], amount=500, approved_before=4500, history=history
    )

    assert stripe_events.post(more).json()["approved"]

    assert Authorization.objects.get().approved_minor == 5000
    assert Decision.objects.count() == 2
    assert not Case.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_write_each_entry_once(left: dict[str, Any]) -> None:
    at_once([journal.write_waiting] * 4 + [lambda: journal.write_of_event("stripe", left["id"])] * 4)

    assert counts() == [1] * 6
    assert not JournalEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_whoever_compares_all_waits_for_what_another_is_writing(left: dict[str, Any]) -> None:
    taken = threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            assert journal.write_of_event("stripe", left["id"]) == 1
            taken.set()
            wait_for_somebody_who_waits()

    def compare() -> None:
        assert taken.wait(30)
        journal.write_all()
        assert counts() == [1] * 6

    at_once([write_slowly, compare])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("left")
def test_an_entry_that_cannot_be_written_holds_up_no_other() -> None:
    method_id = JournalEntry.objects.get().method_id
    JournalEntry.objects.update(method_id=10**9)
    stripe_events.post(stripe_events.authorization_request(card=Authorization.objects.get().card.issuer_card_id))

    journal.write_waiting()

    assert Decision.objects.count() == 1
    bad = JournalEntry.objects.get()
    JournalEntry.objects.filter(pk=bad.pk).update(method_id=method_id)
    assert journal.write_waiting() == 1
    assert Decision.objects.count() == 2


@pytest.mark.django_db
def test_a_report_under_the_same_id_is_kept_beside_it(left: dict[str, Any]) -> None:
    report = stripe_events.authorization_update(left) | {"id": left["id"]}

    assert stripe_events.post(report).status_code == 200

    assert Decision.objects.get().event.event_id == left["id"]
    assert Case.objects.get().kind == Case.Kind.EVENT_CONTRADICTION


@pytest.mark.django_db
def test_a_report_that_came_first_keeps_its_id(left: dict[str, Any]) -> None:
    other = IssuerEvent.objects.create(
        provider="stripe", event_id=left["id"], event_type="x", status="handled",
        fingerprint="f", received_at=JournalEntry.objects.get().decided_at,
    )  # fmt: skip

    journal.write_waiting()

    assert Decision.objects.get().event_id != other.pk
    assert Decision.objects.get().event.event_id.startswith("sha256:")
    assert Case.objects.get().kind == Case.Kind.EVENT_CONTRADICTION


@pytest.mark.django_db
def test_the_history_of_the_journal_equals_the_rebuilt_one(left: dict[str, Any]) -> None:
    card = Authorization.objects.get().card
    assert card is not None
    post_and_leave(card.issuer_card_id, amount=10**9)

    assert journal.write_waiting() == 2

    assert CardHistory.objects.get().approved_minor == 4500
    assert len(CardHistory.objects.get().recent) == 2
    assert rebuilding.rebuild_card(card.pk) is False


@pytest.mark.django_db
def test_writing_out_reads_no_stored_decision() -> None:
    """A plan that was made while there were none read them all, by the index of what corrects them."""
    card = walkthrough_card().issuer_card_id
    for number in range(1, 4):
        post_and_leave(card)
        before = rows_read("issuing_decision_corrects_id_key")
        journal.write_waiting()
        assert rows_read("issuing_decision_corrects_id_key") == before
        assert Decision.objects.count() == number


@pytest.mark.django_db
def test_one_call_of_the_writer_writes_out_more_than_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card().issuer_card_id
    monkeypatch.setattr(journal, "BATCH", 2)
    monkeypatch.setattr(journal, "write_waiting", functools.partial(journal.write_waiting, 2))
    for _ in range(5):
        post_and_leave(card)

    journal.Writer().write_out()

    assert (Decision.objects.count(), JournalEntry.objects.count()) == (5, 0)


def post_and_leave(card: str, **asked: Any) -> None:
    """Posts a request whose process dies before it writes anything out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authorize.journal, "write_soon", lambda *_event: None)
        stripe_events.post(stripe_events.authorization_request(card=card, **asked))


def rows_read(index: str) -> int:
    """How many entries of an index this transaction has read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_tuples_returned(%s::regclass)", [index])
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_the_journal_is_read_by_its_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'issuing_journal'")
        assert len(cursor.fetchall()) == 4
