"""The cases about a person: about what they owe, their purchases and movements, their disputes, cards and profile."""

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from issuing.models import Authorization, CardChange, CardTransaction, DisputeRequest, ProfileUpdate, VirtualCard
from onecard.kit import display
from wallet.admin import labels
from wallet.models import CardDetachment, Cardholder, Case
from wallet.references import Subject

# Shown of the open ones and of the resolved ones; and looked at, of all of a person's.
MOST, MOST_LOOKED_AT = 10, 200


@dataclass(frozen=True, slots=True)
class ShownCase:
    """One case, and what to do about it while it is open."""

    row: Case
    state: str
    next_step: str


def shown(found: list[Case]) -> list[ShownCase]:
    """Returns the open cases and then the last that were resolved, at most `MOST` of each."""
    is_open = [each for each in found if each.status == Case.Status.OPEN]
    resolved = [each for each in found if each.status != Case.Status.OPEN]
    return [_shown(each) for each in (*is_open[:MOST], *resolved[:MOST])]


def about(holder: Cardholder) -> list[Case]:
    """Returns the cases about a person: the open ones and then the resolved ones, the newest first of each.

    At most `MOST_LOOKED_AT`. One statement looks at all of the person's purchases, the other reads what it found.
    """
    keys = [key for key, _status in _keys(holder).order_by("status", "-pk")[:MOST_LOOKED_AT]]
    rows = Case.objects.select_related("owner").in_bulk(keys)
    return [rows[key] for key in keys if key in rows]


def _keys(holder: Cardholder) -> "QuerySet[Any]":
    cards = VirtualCard.objects.filter(cardholder=holder).order_by()
    keys = list(cards.values_list("pk", flat=True))
    purchases = _references(Authorization.objects.filter(card__in=keys), Subject.PURCHASE.prefix)
    movements = _references(CardTransaction.objects.filter(card__in=keys), Subject.CARD_TRANSACTION.prefix)
    of_cards = [Subject.CARD.reference(each) for each in keys]
    ways = (
        Q(reference__in=purchases),
        Q(reference__in=movements),
        Q(reference__in=[*of_cards, *_by_hand(holder, keys), *_rarer(holder, keys)]),
        Q(obligation__purchase__in=purchases),
        Q(obligation__purchase__in=of_cards),
    )
    # Each way has its own index; a condition that joins them with OR has none.
    first, *others = (Case.objects.filter(way).order_by().values_list("pk", "status") for way in ways)
    found: QuerySet[Any] = first.union(*others)
    return found


def _by_hand(holder: Cardholder, cards: list[int]) -> list[str]:
    """Returns the references under which staff open cases about the person or their cards."""
    return [f"cardholder:{holder.pk}", *(f"virtualcard:{key}" for key in cards)]


def _rarer(holder: Cardholder, cards: list[int]) -> list[str]:
    """Returns the references of what a person has few of."""
    asked = DisputeRequest.objects.filter(cardholder=holder)
    issuer_cards = VirtualCard.objects.filter(pk__in=cards).exclude(issuer_card_id="")
    few: tuple[tuple[str, QuerySet[Any], str], ...] = (
        ("dispute_request:", asked, "pk"),
        ("dispute:", asked.exclude(dispute=None), "dispute_id"),
        (Subject.CARD_CHANGE.prefix, CardChange.objects.filter(card__in=cards), "pk"),
        (Subject.PROFILE_UPDATE.prefix, ProfileUpdate.objects.filter(account__cardholder=holder), "pk"),
        (Subject.CARD_DETACHMENT.prefix, CardDetachment.objects.filter(method__cardholder=holder), "pk"),
        (Subject.CARD.prefix, issuer_cards, "issuer_card_id"),
    )
    return [f"{prefix}{key}" for prefix, rows, column in few for key in rows.order_by().values_list(column, flat=True)]


def _references(rows: "QuerySet[Any]", prefix: str) -> "QuerySet[Any]":
    """Returns the references of rows, as a part of a statement."""
    key = Cast(F("pk"), CharField())
    named: QuerySet[Any] = rows.order_by().annotate(reference=Concat(Value(prefix), key, output_field=CharField()))
    return named.values("reference")


def _shown(case: Case) -> ShownCase:
    is_open = case.status == Case.Status.OPEN
    return ShownCase(
        row=case,
        state=display.label(case.get_status_display(), "bad" if is_open else "good"),
        next_step=str(labels.NEXT_STEP.get(case.kind, "") if is_open else ""),
    )
