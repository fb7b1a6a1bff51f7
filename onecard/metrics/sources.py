"""The tables that are counted."""

from typing import Final

from onecard.metrics.card_changes import CHANGES
from onecard.metrics.charges import CHARGES
from onecard.metrics.decisions import ANSWERS, DECISIONS
from onecard.metrics.webhooks import EVENTS

SOURCES: Final = (DECISIONS, ANSWERS, CHARGES, EVENTS, CHANGES)
