"""A single card that is declined again and again: somebody may be trying its number out."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Max
from django.urls import reverse
from django.utils.translation import gettext_lazy

from issuing.models import Authorization, VirtualCard
from issuing.states import Authorization as Status
from onecard.alerts.rule import Condition, Rule
from onecard.alerts.states import Severity
from onecard.kit import clock, display
from wallet.references import Subject

WITHIN: Final = dt.timedelta(minutes=15)
# A person tries two or three times, and a shop that repeats does so some times a day.
FEWEST: Final = 10
# Of the newest purchases so many are looked through, which bounds the rule's cost.
LOOKED_THROUGH: Final = 20_000
# An attack on many cards at once shows in the share of declines; more mails than this would help nobody.
MOST: Final = 5


def tried_out_cards() -> Iterator[Condition]:
    """The cards with the most declines within a quarter of an hour, through the primary key."""
    newest = Authorization.objects.aggregate(newest=Max("pk"))["newest"] or 0
    declined = Authorization.objects.filter(
        pk__gt=newest - LOOKED_THROUGH, created_at__gt=clock.now() - WITHIN, status=Status.DECLINED
    )
    counted = declined.exclude(card=None).order_by().values("card").annotate(count=Count("pk"))
    worst = list(counted.filter(count__gte=FEWEST).order_by("-count", "card")[:MOST])
    cards = VirtualCard.objects.in_bulk([row["card"] for row in worst])
    for row in worst:
        yield Condition(
            severity=Severity.WARNING,
            summary=f"{row['count']} purchases of {cards[row['card']]} were declined within "
            f"{display.span(WITHIN.total_seconds())}.",
            key=Subject.CARD.reference(row["card"]),
            page=reverse("admin:issuing_virtualcard_change", args=[row["card"]]),
        )


RULE: Final = Rule(
    kind="card_declines",
    label=gettext_lazy("A card is declined again and again"),
    to_do=gettext_lazy(
        "Look at the card's purchases. If its holder does not know them, freeze it and have its number replaced."
    ),
    measure=tried_out_cards,
)
