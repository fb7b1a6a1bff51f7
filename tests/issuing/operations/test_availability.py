"""Read-only mode, the fallback issuer and the rollout: what is refused, what goes on, and who gets which card."""

import datetime as dt
import time
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from audit.models import Entry
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.issuers import base, registry
from issuing.issuers.errors import PausedError
from issuing.issuers.guard.breaker import Breaker, close_breaker
from issuing.issuers.guard.client import GuardedIssuer, RetryPolicy
from issuing.issuers.guard.redis_scripts import shared
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import CardChange, IssuerAccount, IssuerControl, Rollout, VirtualCard
from issuing.operations import availability, rollout
from onecard.kit import clock
from onecard.users.models import User
from tests.support.factories import CardholderFactory, UserFactory

pytestmark = pytest.mark.django_db
PROVIDERS = ("stripe", "marqeta", "mock")


@pytest.fixture(autouse=True)
def issuers(settings: Settings) -> Iterator[dict[str, MockIssuer]]:
    """Stripe and Marqeta played by two mocks behind the real guard and breaker."""
    settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER, settings.DEBUG = "stripe", "", True
    registry.clear()
    played = {provider: MockIssuer(provider=provider) for provider in PROVIDERS}
    for provider, issuer in played.items():
        registry.install(GuardedIssuer(issuer, retries=RetryPolicy(tries=1)), provider=provider)
        close_breaker(provider)
    yield played
    for provider in PROVIDERS:
        close_breaker(provider)
    registry.clear()


def open_breaker(provider: str) -> None:
    breaker = Breaker(provider, shared())
    for _ in range(breaker.failures):
        breaker.failed(breaker.enter())


def make(**more: str) -> VirtualCard:
    return cards.create_virtual_card(cardholder=CardholderFactory(), card_type="visa", requested_by="user:0", **more)


def refusals(card: VirtualCard) -> list[cards.ReadOnlyError]:
    limits = base.Limits(1, 2, 3)
    acts = (
        lambda: cards.activate(card=card, requested_by="user:0"),
        lambda: cards.unfreeze(card=card, requested_by="user:0"),
        lambda: cards.close(card=card, reason="Not wanted", requested_by="user:0"),
        lambda: cards.update_spending_limits(card=card, limits=limits, requested_by="user:0"),
        make,
    )
    found = []
    for act in acts:
        with pytest.raises(cards.ReadOnlyError) as refused:
            act()
        found.append(refused.value)
    return found


def test_an_open_breaker_refuses_card_changes_and_says_when_to_retry() -> None:
    card = make()
    before = CardChange.objects.count(), VirtualCard.objects.count(), Entry.objects.count()
    open_breaker("stripe")

    for refused in refusals(card):
        assert "try again in" in refused.message
        assert 0 < refused.retry_after_s <= 30

    assert (CardChange.objects.count(), VirtualCard.objects.count(), Entry.objects.count()) == before
    assert availability.of("stripe").by == "breaker"
    assert availability.of("marqeta").by == ""


def test_a_card_frozen_in_read_only_mode_is_frozen_at_the_issuer_later(issuers: dict[str, MockIssuer]) -> None:
    card = cards.activate(card=make(), requested_by="user:0")
    open_breaker("stripe")

    assert cards.freeze(card=card, reason="Stolen", requested_by="user:0").status == "frozen"
    assert issuers["stripe"].cards[card.issuer_card_id].status == "active"

    close_breaker("stripe")
    CardChange.objects.filter(status="intended").update(next_attempt_at=clock.now() - dt.timedelta(hours=1))
    card_changes.sweep()
    assert issuers["stripe"].cards[card.issuer_card_id].status == "frozen"


def test_read_only_by_hand_says_why_ends_when_told_and_is_in_the_trail() -> None:
    card = make()
    availability.enter_read_only(provider="stripe", reason="Moving to a new account", actor="user:7")
    assert all(refused.retry_after_s == availability.LATER_S for refused in refusals(card))

    availability.leave_read_only(provider="stripe", actor="user:7")
    assert cards.activate(card=card, requested_by="user:0").status == "active"
    entries = Entry.objects.filter(action__startswith="issuer.read_only").order_by("pk")
    assert [entry.action for entry in entries] == ["issuer.read_only_entered", "issuer.read_only_left"]


def test_read_only_by_hand_ends_by_itself_at_its_time() -> None:
    until = clock.now() + dt.timedelta(seconds=1.2)
    availability.enter_read_only(provider="stripe", reason="Short works", actor="user:7", until=until)
    assert availability.of("stripe").read_only
    time.sleep(1.3)
    assert not availability.of("stripe").read_only
    assert make().issuer_card_id


@pytest.mark.parametrize(("provider", "reason"), [("stripe", " "), ("nobody", "A reason")])
def test_read_only_needs_a_reason_and_an_issuer(provider: str, reason: str) -> None:
    with pytest.raises(cards.CardRefusedError):
        availability.enter_read_only(provider=provider, reason=reason, actor="user:7")
    assert not IssuerControl.objects.exists()


def test_a_new_card_goes_to_the_backup_while_the_primary_is_down(
    issuers: dict[str, MockIssuer], settings: Settings
) -> None:
    settings.ISSUER_BACKUP_PROVIDER = "marqeta"
    open_breaker("stripe")

    card = make()

    assert (card.issuer_provider, card.issuer_card_id) == ("marqeta", *issuers["marqeta"].cards)
    assert issuers["stripe"].calls == []
    assert IssuerAccount.objects.get().provider == "marqeta"


def test_without_the_policy_the_backup_is_not_used(issuers: dict[str, MockIssuer], settings: Settings) -> None:
    settings.ISSUER_BACKUP_PROVIDER = "marqeta"
    IssuerControl.objects.create(provider="stripe", fallback_allowed=False)
    open_breaker("stripe")
    with pytest.raises(cards.ReadOnlyError):
        make()
    assert issuers["marqeta"].calls == []


def test_a_backup_that_is_down_too_is_not_used(settings: Settings) -> None:
    settings.ISSUER_BACKUP_PROVIDER = "marqeta"
    open_breaker("stripe")
    open_breaker("marqeta")
    with pytest.raises(cards.ReadOnlyError):
        make()
    assert not VirtualCard.objects.exists()


def test_a_creation_that_was_never_sent_moves_to_the_backup(issuers: dict[str, MockIssuer], settings: Settings) -> None:
    """The breaker opens between the question whether cards are made and the call."""
    settings.ISSUER_BACKUP_PROVIDER = "marqeta"
    paused = PausedError("Pause.", retry_after_s=30)
    issuers["stripe"].fail(Failure("create_card", lambda: paused))
    original = availability.of

    def down_by_now(provider: str) -> availability.Availability:
        if issuers["stripe"].calls:
            open_breaker("stripe")
        return original(provider)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(availability, "of", down_by_now)
        card = make()

    assert card.issuer_provider == "marqeta"
    assert list(issuers["marqeta"].cards) == [card.issuer_card_id]
    assert issuers["stripe"].cards == {}
    assert Entry.objects.filter(action="card.moved_to_backup").count() == 1
    assert card.changes.get().attempts == 1, "the attempt that sent nothing is not counted"


@pytest.mark.parametrize("after", [True, False])
def test_a_creation_that_may_have_arrived_waits_for_its_own_issuer(
    issuers: dict[str, MockIssuer], settings: Settings, *, after: bool
) -> None:
    settings.ISSUER_BACKUP_PROVIDER = "marqeta"
    lost = base.NetworkError("The answer was lost.")
    issuers["stripe"].fail(Failure("create_card", lambda: lost, after=after))
    card = make()
    open_breaker("stripe")
    past = clock.now() - dt.timedelta(hours=1)
    CardChange.objects.update(next_attempt_at=past)
    card_changes.sweep()
    card.refresh_from_db()
    assert (card.issuer_provider, card.issuer_card_id, issuers["marqeta"].calls) == ("stripe", "", [])

    close_breaker("stripe")
    CardChange.objects.update(next_attempt_at=past)
    card_changes.sweep()
    card.refresh_from_db()
    assert [card.issuer_card_id] == list(issuers["stripe"].cards)


def test_a_worker_that_died_while_sending_keeps_the_card_with_its_issuer(
    issuers: dict[str, MockIssuer], settings: Settings
) -> None:
    settings.ISSUER_BACKUP_PROVIDER = "marqeta"
    issuers["stripe"].fail(Failure("create_card", SystemExit))  # type: ignore[arg-type]
    with pytest.raises(SystemExit):
        make()
    open_breaker("stripe")
    CardChange.objects.update(claimed_until=clock.now() - dt.timedelta(hours=1))
    card_changes.sweep()
    assert VirtualCard.objects.get().issuer_provider == "stripe"
    assert issuers["marqeta"].calls == []


def test_the_rollout_keeps_whom_it_has_when_its_share_grows() -> None:
    users = [UserFactory() for _ in range(60)]
    row = Rollout.objects.create(feature="real_cards", share_percent=0)
    assert not [user for user in users if rollout.is_on("real_cards", user)]
    had: set[int] = set()
    for percent in (10, 40, 75, 100):
        Rollout.objects.filter(pk=row.pk).update(share_percent=percent)
        has = {user.pk for user in users if rollout.is_on("real_cards", user)}
        assert had <= has
        had = has
    assert len(had) == 60


def test_the_share_is_a_share() -> None:
    places = [rollout.place_of("real_cards", pk) for pk in range(1, 20_001)]
    assert all(0 <= place < 100 for place in places)
    for percent in (1, 25, 50, 90):
        assert abs(sum(place < percent for place in places) / 200 - percent) < 1.5


def named() -> tuple[User, User]:
    return UserFactory(), UserFactory()


def test_names_beat_the_share_and_off_beats_on() -> None:
    on, off = named()
    row = Rollout.objects.create(feature="real_cards", share_percent=0)
    row.always_on_for.set([on, off])
    row.always_off_for.set([off])
    assert (rollout.is_on("real_cards", on), rollout.is_on("real_cards", off)) == (True, False)


def test_before_the_rollout_only_development_gives_mock_cards(
    settings: Settings, issuers: dict[str, MockIssuer]
) -> None:
    Rollout.objects.create(feature="real_cards", share_percent=0)
    assert make().issuer_provider == "mock"
    settings.DEBUG = False
    with pytest.raises(cards.CardRefusedError, match="not your turn"):
        make()
    assert issuers["stripe"].calls == []
    Rollout.objects.update(share_percent=100)
    assert make().issuer_provider == "stripe"
