"""How many rows the filled tables have, and what many of their columns hold, by the row's number n."""

from typing import Final

PURCHASES: Final = 6_000
PEOPLE: Final = 2_000
A_FEW: Final = 1_500
PERSON: Final = f"(n %% {PEOPLE}) + 1"
DUE: Final = "n %% 1000 = 0"
SOME_DUE: Final = "now() - interval '1 hour'"
