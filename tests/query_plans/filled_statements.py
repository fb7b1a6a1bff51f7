"""The rows of imported statements, for tests/query_plans/filled_tables.py."""

from typing import Final

from tests.query_plans.row_numbers import A_FEW, PURCHASES

# Every second line is of a charge; card n has statement n, and its charge is charge n.
OF_STATEMENTS: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "issuing_cardstatement": (
        A_FEW,
        {
            "method_id": "n",
            "sha256": "md5(n::text)",
            "currency": "'USD'",
            "first_on": "current_date - 60",
            "last_on": "current_date - 30",
            "line_count": f"{PURCHASES // A_FEW}",
            "imported_by": "'user:1'",
            "imported_at": "now() - interval '90 days' + n * interval '84 minutes'",
        },
    ),
    "issuing_statementline": (
        PURCHASES,
        {
            "statement_id": f"(n - 1) %% {A_FEW} + 1",
            "method_id": f"(n - 1) %% {A_FEW} + 1",
            "posted_on": f"current_date - 60 + n / {A_FEW}",
            "amount_minor": "4500 + n %% 7",
            "units_micro": "135000000",
            "charge_id": f"CASE WHEN n <= {A_FEW} AND n %% 2 = 0 THEN n END",
        },
    ),
}
