"""How many rows the filled tables have, and what many of their columns hold, by the row's number n."""

from typing import Final

PURCHASES: Final = 6_000
PEOPLE: Final = 2_000
A_FEW: Final = 1_500
PERSON: Final = f"(n %% {PEOPLE}) + 1"
DUE: Final = "n %% 1000 = 0"
SOME_DUE: Final = "now() - interval '1 hour'"
# Of tables whose key is no number of their own.
KEYS: Final = {"issuing_eventbody": "event_id", "issuing_cardhistory": "card_id"}
MONTHS: Final = """
SELECT onecard_add_partitions(relname, current_date - {days}, current_date) FROM pg_class WHERE relkind = 'p'
"""
# What is counted of the last hour, in the partition of this month.
LATELY: Final = f"now() - (2 * {PURCHASES} - n) * interval '1 second'"
