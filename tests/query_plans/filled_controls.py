"""The rows that controls leave behind, for tests/query_plans/filled_tables.py. The migrations made two controls."""

from typing import Final

from tests.query_plans.row_numbers import A_FEW

OF_CONTROLS: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "issuing_controlhit": (
        2 * A_FEW,
        {
            "version_id": "1",
            "decision_id": "n",
            "action": "'decline'",
            "amount_minor": "4500",
            "currency": "'USD'",
            # Few of them in the period of a report.
            "hit_at": "now() - n * interval '36 hours'",
        },
    ),
    "issuing_controlpass": (
        A_FEW,
        {
            "control_id": "1",
            "card_id": "n",
            "decision_id": "n",
            "merchant_name": "'Shop ' || n",
            "most_minor": "4500",
            "used_at": "CASE WHEN n %% 2 = 0 THEN now() END",
        },
    ),
    "issuing_controlpreview": (
        100,
        {
            "version_id": "1",
            "status": "CASE WHEN n = 17 THEN 'running' ELSE 'finished' END",
            "finished_at": "CASE WHEN n <> 17 THEN now() END",
            "tried": "'{}'::jsonb",
            "since": "now() - interval '900 days'",
            "until": "now() + interval '1 day'",
        },
    ),
    "issuing_controlpreviewhit": (
        2 * A_FEW,
        {"preview_id": "(n %% 100) + 1", "decision_id": "n", "effect": "'declined'", "currency": "'USD'"},
    ),
}
