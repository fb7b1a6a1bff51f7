"""Replaces each mock card by a real one with its limits, and closes the mock card last.

Each step is safe to repeat, so running the cut-over again finishes an interrupted one: a constraint allows one living
replacement per card, and the mock card stays usable until the real one is ready. Preference, funding methods and time
zone belong to the cardholder and stay. Spending on a mock card was no money, so the new card's day and month begin at
zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.db import IntegrityError
from django.db.models import F, QuerySet

from audit import trail
from issuing import locking, states
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.errors import CardRefusedError, ReadOnlyError
from issuing.issuers.base import Limits
from issuing.models import CardChange, Provider, Rollout, VirtualCard
from issuing.operations import rollout
from onecard.kit import clock
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.kit.transitions import sources_of
from wallet.kyc.fields import in_words, missing

ACTOR = "system:cutover"
BATCH = 200


class CutoverError(CardRefusedError):
    """The cut-over cannot run at all."""

    code = "cutover_refused"


class Result(StrEnum):
    """The result for a mock card."""

    REPLACED = "replaced"
    WAITING = "waiting"  # The issuer did not answer yet; the next run goes on.
    REFUSED = "refused"  # The issuer said no; the mock card stays.
    NOT_YET = "not yet"  # The rollout does not give this person a real card.
    UNFIT = "unfit"  # Something is missing that a person has to add.


@dataclass(frozen=True, slots=True)
class CardResult:
    """A mock card, its result, and the reason."""

    card: VirtualCard
    status: Result
    why: str = ""


def mock_cards() -> Iterator[VirtualCard]:
    """Yields every mock card that is not closed, by id; each batch is read when the one before it is done."""
    after = 0
    while batch := list(_waiting().filter(pk__gt=after).order_by("pk")[:BATCH]):
        yield from batch
        after = batch[-1].pk


def count_mock_cards() -> int:
    """Returns how many mock cards are not closed."""
    return _waiting().count()


def check(card: VirtualCard, provider: str) -> CardResult | None:
    """Returns why a card cannot be replaced now, as a result; None when it can."""
    if provider not in (Provider.STRIPE, Provider.MARQETA):
        raise CutoverError(f"Real cards cannot come from {provider!r}; set ISSUER_PROVIDER to stripe or marqeta.")
    holder = card.cardholder
    if not rollout.is_on(Rollout.Feature.REAL_CARDS, holder.user, without_row=True):
        return CardResult(card, Result.NOT_YET, "the rollout does not include this person yet")
    if card.status == states.Card.SUSPENDED:
        return CardResult(card, Result.UNFIT, "the card is suspended: decide about it first")
    if not holder.kyc_verified:
        return CardResult(card, Result.UNFIT, "the identity is not verified")
    lacking = missing(holder)
    if lacking:
        return CardResult(card, Result.UNFIT, f"the profile lacks {in_words(lacking)}")
    return None


def replace_card(card: VirtualCard, *, provider: str) -> CardResult:
    """Takes a mock card as far towards its replacement as the issuer allows now; safe to repeat at any time.

    Raises CutoverError, ReadOnlyError while the issuer accepts no changes, and TransactionError in a transaction.
    """
    require_no_transaction("A cut-over")
    unfit = check(card, provider)
    if unfit is not None:
        return unfit
    try:
        real = _replacement(card, provider)
        real = _made_ready(real, card)
    except ReadOnlyError:
        raise
    except CardRefusedError as error:
        return CardResult(card, Result.REFUSED, error.message)
    if real.status == states.Card.CLOSED:
        return CardResult(card, Result.REFUSED, _refusal(real))
    if not _is_ready(real, card):
        return CardResult(card, Result.WAITING, "the issuer has not answered yet; run it again")
    _hand_over(card, real)
    return CardResult(card, Result.REPLACED, f"by {real}")


def _waiting() -> QuerySet[VirtualCard]:
    mock = VirtualCard.objects.filter(issuer_provider=Provider.MOCK).exclude(status=states.Card.CLOSED)
    return mock.select_related("cardholder__user")


def _replacement(card: VirtualCard, provider: str) -> VirtualCard:
    known = card.replacements.exclude(status=states.Card.CLOSED).first()
    if known is not None:
        return _carried_on(known)
    try:
        return cards.create_virtual_card(
            cardholder=card.cardholder,
            card_type=card.card_type,
            currency=card.currency,
            limits=Limits(card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor),
            provider=provider,
            replaces=card,
            requested_by=ACTOR,
        )
    except IntegrityError:
        # A concurrent run was faster.
        return card.replacements.exclude(status=states.Card.CLOSED).get()


def _carried_on(real: VirtualCard) -> VirtualCard:
    """Repeats what an earlier run began and could not finish."""
    for change in CardChange.objects.filter(card=real, status__in=states.OPEN_CHANGE).order_by("pk"):
        card_changes.carry_out(change_id=change.pk)
    real.refresh_from_db()
    return real


def _made_ready(real: VirtualCard, card: VirtualCard) -> VirtualCard:
    """Makes the new card as usable as the mock card; the replacement of a frozen card is frozen again."""
    if not real.issuer_card_id or card.status == states.Card.PENDING:
        return real
    if real.status == states.Card.PENDING and not _is_asked(real, CardChange.Kind.ACTIVATE):
        real = cards.activate(card=real, requested_by=ACTOR)
    if real.status == states.Card.ACTIVE and card.status == states.Card.FROZEN:
        real = cards.freeze(card=real, reason="It takes the place of a frozen card.", requested_by=ACTOR)
    return real


def _is_asked(real: VirtualCard, kind: str) -> bool:
    return CardChange.objects.filter(card=real, kind=kind, status__in=states.OPEN_CHANGE).exists()


def _is_ready(real: VirtualCard, card: VirtualCard) -> bool:
    return bool(real.issuer_card_id) and real.status == card.status


def _hand_over(card: VirtualCard, real: VirtualCard) -> None:
    """Closes the mock card and moves its balance, in one commit; a mock card has no issuer to notify."""
    with transaction():
        locked = locking.lock_card(card.pk)
        closable = sources_of(states.CARD_MOVES, states.Card.CLOSED)
        mine = VirtualCard.objects.filter(pk=card.pk, status__in=closable)
        if mine.update(status=states.Card.CLOSED, balance_minor=0, updated_at=clock.now()) != 1:
            return
        VirtualCard.objects.filter(pk=real.pk).update(
            balance_minor=F("balance_minor") + locked.balance_minor,
            spends_balance=locked.spends_balance,
            compliance_flags=locked.compliance_flags,
            frozen_by=locked.frozen_by,
            updated_at=clock.now(),
        )
        trail.record(
            actor=ACTOR,
            action="card.replaced",
            subject=card,
            by=real.pk,
            balance_minor=locked.balance_minor,
            currency=locked.currency,
        )


def _refusal(real: VirtualCard) -> str:
    refused = CardChange.objects.filter(card=real, status=states.Change.REFUSED).order_by("-pk").first()
    return refused.failure_message if refused else "the new card is closed"
