"""The cut-over from mock to real cards: dry at first, resumable, the mock card closed last."""

import datetime as dt
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from audit.models import Entry
from issuing.cards import cutover
from issuing.cards.cutover import Result, replace_card
from issuing.issuers import registry
from issuing.issuers.base import Limits, NetworkError, RefusedError
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import CardChange, Rollout, VirtualCard
from onecard.kit import clock
from tests.support.factories import CardholderFactory, VirtualCardFactory
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def issuer(settings: Settings) -> Iterator[MockIssuer]:
    """Stripe, played by the mock; of the mock itself nobody may ask anything."""
    settings.ISSUER_PROVIDER, settings.DEBUG = "stripe", False
    registry.clear()
    played = MockIssuer(provider="stripe")
    registry.install(played)
    close_breaker("stripe")
    yield played
    registry.clear()


def mock_card(status: str = "active", *, kyc: str = "verified", line1: str = "1 Main Street") -> VirtualCard:
    holder = CardholderFactory(
        kyc_status=kyc, address_line1=line1, address_city="Oakland", address_postal_code="94607", address_country="US"
    )
    return VirtualCardFactory(
        cardholder=holder,
        issuer_provider="mock",
        status=status,
        card_type="mastercard",
        daily_limit_minor=70_000,
        balance_minor=1234,
        compliance_flags=["watched"],
    )


def run(**options: object) -> str:
    out = StringIO()
    call_command("cutover", stdout=out, stderr=StringIO(), **options)  # type: ignore[arg-type]
    return out.getvalue()


def real_of(card: VirtualCard) -> VirtualCard:
    return VirtualCard.objects.get(replaces=card)


def test_it_changes_nothing_unless_it_is_told_to(issuer: MockIssuer) -> None:
    for _ in range(3):
        mock_card()
    before = list(VirtualCard.objects.order_by("pk").values()), Entry.objects.count()

    told = run()

    assert "3 replaced" in told
    assert "Nothing was changed" in told
    assert (list(VirtualCard.objects.order_by("pk").values()), Entry.objects.count()) == before
    assert issuer.calls == []


@pytest.mark.parametrize("status", ["active", "frozen", "pending"])
def test_a_real_card_takes_the_place_with_limits_state_and_balance(issuer: MockIssuer, status: str) -> None:
    card = mock_card(status)

    run(execute=True)

    real = real_of(card)
    card.refresh_from_db()
    assert (card.status, card.balance_minor) == ("closed", 0)
    assert (real.status, real.balance_minor, real.issuer_provider) == (status, 1234, "stripe")
    assert (real.card_type, real.daily_limit_minor, real.compliance_flags) == ("mastercard", 70_000, ["watched"])
    assert real.cardholder_id == card.cardholder_id
    there = issuer.cards[real.issuer_card_id]
    assert (there.status, there.limits) == (status, Limits(50_000, 70_000, 500_000))
    assert "There are no mock cards left" in run(execute=True)
    assert len(issuer.cards) == 1


def test_the_mock_card_works_until_the_real_one_is_ready(issuer: MockIssuer) -> None:
    card = mock_card()
    issuer.fail(Failure("update_card_status", lambda: NetworkError("No answer.")))

    with pytest.raises(CommandError):
        run(execute=True)
    card.refresh_from_db()
    assert (card.status, card.balance_minor) == ("active", 1234)

    CardChange.objects.update(next_attempt_at=clock.now() - dt.timedelta(minutes=1))
    run(execute=True)
    card.refresh_from_db()
    assert card.status == "closed"
    assert (len(issuer.cards), real_of(card).status) == (1, "active")


def test_a_refused_card_leaves_the_mock_card_and_can_be_tried_again(issuer: MockIssuer) -> None:
    card = mock_card()
    issuer.fail(Failure("create_card", lambda: RefusedError("The name is not accepted.")))

    result = replace_card(card, provider="stripe")

    assert (result.status, result.why) == (Result.REFUSED, "The name is not accepted.")
    card.refresh_from_db()
    assert card.status == "active"
    assert replace_card(card, provider="stripe").status == Result.REPLACED


def test_who_is_not_in_the_rollout_keeps_the_mock_card(issuer: MockIssuer) -> None:
    card, other = mock_card(), mock_card()
    Rollout.objects.create(feature="real_cards", share_percent=0).always_on_for.add(other.cardholder.user)

    told = run(execute=True)

    assert "1 replaced" in told
    assert "1 not yet" in told
    card.refresh_from_db()
    assert card.status == "active"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"kyc": "pending"}, "identity"),
        ({"line1": ""}, "profile lacks the street address"),
        ({"status": "suspended"}, "suspended"),
    ],
)
def test_what_a_person_has_to_mend_is_named_and_left(issuer: MockIssuer, made: dict[str, str], why: str) -> None:
    card = mock_card(**made)
    errors = StringIO()
    with pytest.raises(CommandError, match="could not be replaced"):
        call_command("cutover", "--execute", stdout=StringIO(), stderr=errors)
    assert f"Card {card.pk}" in errors.getvalue()
    assert why in errors.getvalue()
    assert issuer.calls == []


def test_it_does_not_begin_while_the_issuer_is_read_only(issuer: MockIssuer) -> None:
    from issuing.operations import availability

    card = mock_card()
    availability.enter_read_only(provider="stripe", reason="Works", actor="user:1")
    with pytest.raises(CommandError, match="try again in"):
        run(execute=True)
    card.refresh_from_db()
    assert (card.status, issuer.calls) == ("active", [])


@pytest.mark.parametrize("options", [{"workers": 0}, {"limit": 0}])
def test_numbers_that_are_none_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        run(execute=True, **options)


def test_mock_cards_cannot_come_from_the_mock(settings: Settings) -> None:
    settings.ISSUER_PROVIDER, settings.DEBUG = "mock", True
    mock_card()
    with pytest.raises(CommandError, match="stripe or marqeta"):
        run(execute=True)


class Death(BaseException):
    """The process ends here."""


@pytest.mark.only_in_proofs
def test_a_death_at_any_statement_ends_in_one_real_card(issuer: MockIssuer) -> None:
    deaths = 0
    for n in range(1, 300, 2):
        card, left = mock_card("frozen"), n

        def dying(execute, sql, params, many, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            nonlocal left
            left -= 1
            if left == 0:
                raise Death
            return execute(sql, params, many, context)

        made = len(issuer.cards)
        try:
            with connection.execute_wrapper(dying):
                replace_card(card, provider="stripe")
            survived = True
        except Death:
            connection.close()
            survived = False
            deaths += 1
        past = clock.now() - dt.timedelta(hours=1)
        CardChange.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)
        CardChange.objects.filter(status="sending").update(claimed_until=past)
        card.refresh_from_db()
        if card.status != "closed":
            assert replace_card(card, provider="stripe").status == Result.REPLACED
        card.refresh_from_db()
        real = real_of(card)
        assert (card.status, real.status, real.balance_minor, card.balance_minor) == ("closed", "frozen", 1234, 0)
        assert len(issuer.cards) - made == 1
        if survived:
            break
    assert survived
    assert deaths > 20


def test_many_runs_at_once_make_one_card_each(issuer: MockIssuer) -> None:
    made = [mock_card() for _ in range(6)]

    def act() -> None:
        try:
            for card in cutover.mock_cards():
                replace_card(card, provider="stripe")
        finally:
            connection.close()

    at_once([act] * 4)
    if cutover.count_mock_cards():
        CardChange.objects.filter(status="sending").update(claimed_until=clock.now())
        act()

    assert len(issuer.cards) == len(made)
    assert sum(VirtualCard.objects.values_list("balance_minor", flat=True)) == 6 * 1234
    assert cutover.count_mock_cards() == 0
