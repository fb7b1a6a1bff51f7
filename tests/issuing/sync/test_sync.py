"""Issuer sync over each issuer: what differs is found, resolved by the rule, written down, and done once."""

import datetime as dt
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import Entry
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.handlers import dispatch
from issuing.issuers.base import CardOrder, EventPage, Limits, NetworkError
from issuing.models import CardChange, CardTransaction, IssuerAccount, IssuerEvent, SyncDifference, SyncRun, VirtualCard
from issuing.sync import schedule
from issuing.sync.run import SyncBusyError, sync_provider
from onecard.kit import clock
from tests.issuing.issuers.worlds import LIMITS, World, new_key
from tests.issuing.sync.conftest import active_card
from tests.support.threads import at_once
from wallet.models import Case

pytestmark = pytest.mark.django_db(transaction=True)


def sync(world: World, **more: object) -> list[tuple[str, str, str]]:
    """A whole comparison; gives kind, reference and resolution of each difference, apart from what no webhook told."""
    run = sync_provider(world.issuer.provider, requested_by="user:9", **more)  # type: ignore[arg-type]
    assert run.status == "finished"
    found = run.differences.exclude(kind__startswith="missed_").order_by("pk")
    return list(found.values_list("kind", "reference", "resolution"))


def send_what_waits() -> None:
    """As if the waiting time had passed and the sweeper came by."""
    past = clock.now() - dt.timedelta(hours=2)
    CardChange.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)
    card_changes.sweep()


def behind_our_back(world: World, card: VirtualCard, status: str) -> None:
    world.issuer.update_card_status(card.issuer_card_id, status, reason="By the issuer's staff", key=new_key())


@pytest.mark.some_in_suite(1)
def test_a_sync_without_differences_changes_no_card_and_no_version(world: World) -> None:
    made = [active_card(world) for _ in range(5)]
    versions = dict(VirtualCard.objects.values_list("pk", "version"))
    sync(world)
    entries = Entry.objects.count()

    assert sync(world) == []

    assert dict(VirtualCard.objects.values_list("pk", "version")) == versions
    assert Entry.objects.count() == entries + 1, "only the run's own entry"
    run = SyncRun.objects.order_by("pk").last()
    assert run is not None
    assert run.cards_seen == len(made)
    assert not VirtualCard.objects.filter(last_synced_at__lt=run.started_at).exists()


@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_what_the_issuer_took_away_is_taken_away_here(world: World, status: str) -> None:
    card, other = active_card(world), active_card(world)
    behind_our_back(world, card, status)

    assert sync(world) == [("status", card.issuer_card_id, "taken_over")]

    card.refresh_from_db()
    other.refresh_from_db()
    assert (card.status, other.status) == (status, "active")
    entry = Entry.objects.get(action="sync.taken_over", details__kind="status")
    assert (entry.actor, entry.subject_id, entry.details["ours"]) == ("user:9", str(card.pk), "active")
    assert not CardChange.objects.filter(status="intended").exists()
    assert sync(world) == []


def test_a_card_that_is_frozen_here_and_not_there_is_frozen_there_again(world: World) -> None:
    card = cards.freeze(card=active_card(world), reason="Lost", requested_by="user:0")
    behind_our_back(world, card, "active")

    assert sync(world) == [("status", card.issuer_card_id, "pushed")]
    send_what_waits()

    assert world.issuer.get_card_details(card.issuer_card_id).status == "frozen"
    card.refresh_from_db()
    assert card.status == "frozen"
    assert sync(world) == []


def test_nothing_becomes_usable_here_because_the_issuer_says_so(world: World) -> None:
    holder = active_card(world).cardholder
    pending = cards.create_virtual_card(
        cardholder=holder, card_type="visa", provider=world.issuer.provider, requested_by="user:0"
    )
    behind_our_back(world, pending, "active")

    assert ("status", pending.issuer_card_id, "open") in sync(world)

    pending.refresh_from_db()
    assert pending.status == "pending"
    assert Case.objects.get(status="open").kind == "card_differs"


def test_our_limits_win_and_are_sent_again(world: World) -> None:
    card = active_card(world)
    world.issuer.set_spending_limits(card.issuer_card_id, LIMITS, key=new_key())

    assert sync(world) == ([("limits", card.issuer_card_id, "pushed")] if world.issuer.limits_each_card else [])
    if not world.issuer.limits_each_card:
        cards.sync(card=card, requested_by="user:9")
    send_what_waits()

    theirs = world.issuer.get_card_details(card.issuer_card_id).limits
    assert theirs == Limits(card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor)


def test_what_is_printed_on_the_card_is_the_issuers_word(world: World) -> None:
    card = active_card(world)
    VirtualCard.objects.filter(pk=card.pk).update(last_four="0000", expiry_year=2099)

    assert sync(world) == [("details", card.issuer_card_id, "taken_over")]

    again = VirtualCard.objects.get(pk=card.pk)
    assert (again.last_four, again.expiry_year) == (card.last_four, card.expiry_year)


def test_a_card_that_nobody_here_knows_is_left_for_a_person(world: World) -> None:
    active_card(world)
    account = IssuerAccount.objects.get()
    order = CardOrder(account.issuer_cardholder_id, "visa", "USD", LIMITS)
    foreign = world.issuer.create_card(order, key=new_key())

    assert sync(world) == [("unknown_here", foreign.issuer_card_id, "open")]
    assert sync(world) == [("unknown_here", foreign.issuer_card_id, "open")]

    assert Case.objects.filter(kind="card_differs").count() == 1
    assert world.issuer.get_card_details(foreign.issuer_card_id).status == "pending", "nobody closed it"


def test_a_card_that_is_being_made_is_no_difference(world: World) -> None:
    card = active_card(world)
    CardChange.objects.filter(kind="create").update(status="sending", claimed_until=clock.now())
    VirtualCard.objects.update(status="pending", issuer_card_id="")

    assert sync(world) == []

    card.refresh_from_db()
    assert card.issuer_card_id == ""


def test_a_card_unknown_to_the_issuer_is_a_case_until_it_is_known(world: World) -> None:
    card = active_card(world)
    there = card.issuer_card_id
    VirtualCard.objects.filter(pk=card.pk).update(issuer_card_id="ic_gone")

    found = sync(world)

    assert ("unknown_there", "ic_gone", "open") in found
    assert ("unknown_here", there, "open") in found
    case = Case.objects.get(reference="card:ic_gone")
    VirtualCard.objects.filter(pk=card.pk).update(issuer_card_id=there)
    sync(world)
    assert Case.objects.get(reference=f"card:{there}").status == "resolved"
    assert case.status == "open"


def test_a_change_that_is_under_way_is_not_disturbed(world: World) -> None:
    card = active_card(world)
    cards.freeze(card=card, reason="Lost", requested_by="user:0")
    CardChange.objects.filter(kind="freeze").update(status="intended", next_attempt_at=clock.now())
    behind_our_back(world, card, "active")

    assert sync(world) == []

    assert CardChange.objects.filter(kind="freeze").count() == 1


def test_movements_that_no_webhook_told_are_recorded_once(world: World) -> None:
    card = active_card(world)
    for amount_minor in (4500, 2000, -1500):
        world.post(card.issuer_card_id, amount_minor)

    sync(world)

    rows = CardTransaction.objects.values_list("transaction_type", "amount_minor", "card_id")
    assert sorted(rows) == [("refund", 1500, card.pk), ("settlement", 2000, card.pk), ("settlement", 4500, card.pk)]
    missed = SyncDifference.objects.filter(kind__in=("missed_event", "missed_transaction"))
    assert missed.count() >= 3
    before = missed.count(), IssuerEvent.objects.count()
    sync(world)
    assert (missed.count(), IssuerEvent.objects.count()) == before
    assert CardTransaction.objects.count() == 3


def test_a_movement_that_differs_is_for_a_person_and_stays_as_it_is(world: World) -> None:
    card = active_card(world)
    world.post(card.issuer_card_id, 4500)
    sync(world)
    CardTransaction.objects.update(amount_minor=4400)

    assert ("transaction", CardTransaction.objects.get().issuer_transaction_id, "open") in sync(world)

    assert CardTransaction.objects.get().amount_minor == 4400
    assert Case.objects.filter(kind="transaction_differs").count() == 1


class Counting:
    """An issuer that counts the pages asked for and fails at one of them."""

    def __init__(self, inner: object, fail_at: int = 0) -> None:
        self.inner, self.fail_at, self.pages = inner, fail_at, 0

    def __getattr__(self, name: str) -> object:
        found = getattr(self.inner, name)
        return self._counted(found) if name in ("list_events", "list_cards", "get_transaction_history") else found

    def _counted(self, ask):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        def call(*given: object, **named: object) -> object:
            self.pages += 1
            if self.pages == self.fail_at:
                raise NetworkError("No answer.")
            return ask(*given, **named)

        return call


@pytest.mark.some_in_suite(1)
def test_it_goes_on_at_the_page_where_it_was_interrupted(world: World) -> None:
    made = [active_card(world) for _ in range(5)]
    for card in made[:3]:
        world.post(card.issuer_card_id, 4500)
    asked, runs = 0, 0
    while True:
        # Each try gets one page further than the last, since the first page that it asks for is answered.
        broken = Counting(world.issuer, fail_at=2)
        runs += 1
        try:
            sync_provider(world.issuer.provider, requested_by="user:9", issuer=broken)  # type: ignore[arg-type]
        except NetworkError:
            assert SyncRun.objects.get().status == "running"
            asked += broken.pages - 1
        else:
            asked += broken.pages
            break
    run = SyncRun.objects.get()
    assert (run.status, run.cards_seen, CardTransaction.objects.count()) == ("finished", 5, 3)
    assert runs >= 6

    whole = Counting(world.issuer)
    sync(world, issuer=whole, since=run.since)
    assert asked == whole.pages, "no page that was done was asked for again"


class WithAnOddEvent:
    """An issuer that lists an event that cannot be read."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def list_events(self, *, since: dt.datetime, cursor: str = "") -> EventPage:
        return EventPage((), cursor="", unread=("evt_odd",))


def test_an_unreadable_event_is_named_for_a_person_and_the_sync_goes_on(world: World) -> None:
    world.post(active_card(world).issuer_card_id, 4500)

    sync(world, issuer=WithAnOddEvent(world.issuer))

    (found,) = SyncDifference.objects.filter(kind="missed_event")
    assert (found.reference, found.resolution, found.theirs) == ("evt_odd", "open", "an event that cannot be read")
    assert CardTransaction.objects.count() == 1


class Death(BaseException):
    """The process ends here."""


@pytest.mark.some_in_suite(1)
def test_a_death_at_any_statement_ends_in_the_same_books(world: World) -> None:
    card = active_card(world)
    world.post(card.issuer_card_id, 4500)
    behind_our_back(world, card, "frozen")
    deaths = 0
    for n in range(1, 400):
        left = n

        def dying(execute, sql, params, many, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            nonlocal left
            left -= 1
            if left == 0:
                raise Death
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(dying):
                sync_provider(world.issuer.provider, requested_by="user:9")
        except (Death, SyncBusyError):
            connection.close()
            SyncRun.objects.filter(status="running").update(claimed_until=clock.now() - dt.timedelta(seconds=1))
            deaths += 1
        else:
            break
    assert deaths > 10
    card.refresh_from_db()
    assert card.status == "frozen"
    assert list(CardTransaction.objects.values_list("amount_minor", flat=True)) == [4500]
    assert SyncDifference.objects.filter(kind="status").count() == 1
    dispatch.sweep(now=clock.now() + dt.timedelta(minutes=1))
    assert not IssuerEvent.objects.filter(status="received").exists()
    assert sync(world) == []


def test_two_at_once_are_one(world: World) -> None:
    for _ in range(3):
        active_card(world)
    outcomes: list[str] = []

    def run() -> None:
        try:
            sync_provider(world.issuer.provider, requested_by="user:9")
            outcomes.append("done")
        except SyncBusyError:
            outcomes.append("busy")
        finally:
            connection.close()

    at_once([run] * 4)

    assert outcomes.count("done") >= 1
    assert not SyncRun.objects.filter(status="running").exists()
    assert sum(SyncRun.objects.values_list("cards_seen", flat=True)) == 3 * outcomes.count("done")


def test_the_clock_begins_what_is_due_and_leaves_what_is_fresh(world: World) -> None:
    active_card(world)
    expected = [] if world.issuer.provider == "mock" else [world.issuer.provider]

    reached = schedule.sync_due()

    assert [provider for provider in reached if provider == world.issuer.provider] == expected
    assert world.issuer.provider not in schedule.sync_due()


def test_a_stretch_that_is_up_leaves_the_rest_for_the_next(world: World) -> None:
    for _ in range(3):
        active_card(world)
    turns = 0
    while True:
        turns += 1
        run = sync_provider(world.issuer.provider, requested_by="user:9", time_is_up=lambda: True)
        if run.status == "finished":
            break
    assert turns >= 4
    assert SyncRun.objects.get().cards_seen == 3


def test_the_command_lists_differences_and_fails_when_a_person_is_needed(world: World) -> None:
    if world.issuer.provider == "mock":
        with pytest.raises(CommandError, match="forgets"):
            call_command("sync_issuer", provider="mock")
        return
    card = active_card(world)
    behind_our_back(world, card, "frozen")
    out = StringIO()
    call_command("sync_issuer", provider=world.issuer.provider, stdout=out)
    assert f"Card status {card.issuer_card_id}: here active, there frozen; Taken over from the issuer" in out.getvalue()

    VirtualCard.objects.filter(pk=card.pk).update(issuer_card_id="ic_gone")
    with pytest.raises(CommandError, match="left for a person"):
        call_command("sync_issuer", provider=world.issuer.provider, stdout=out)


@pytest.mark.parametrize("since", ["yesterday", "2999-01-01"])
def test_the_command_refuses_a_day_that_is_none(world: World, since: str) -> None:
    with pytest.raises(CommandError, match=r"--since|--provider"):
        call_command("sync_issuer", "--provider", world.issuer.provider, "--since", since)
    assert not SyncRun.objects.exists()
