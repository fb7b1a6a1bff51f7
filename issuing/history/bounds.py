"""How much of a card's past is kept. issuing/sql/keep_history.sql has the same numbers, and a test compares them."""

from typing import Final

# Of the decisions of the last 24 hours, the newest; counts of them end there.
RECENT_MOST: Final = 100
# So many are kept even when they are older.
RECENT_LEAST: Final = 10
RECENT_MS: Final = 24 * 60 * 60 * 1000
# Of each set those seen last; one that fell out counts as new again, so a hook flags it once more.
MOST_MERCHANTS: Final = 256
MOST_COUNTRIES: Final = 64
MOST_MCCS: Final = 128
# Fewer approvals than this say nothing about what is usual for a card.
LEAST_FOR_Z: Final = 30
