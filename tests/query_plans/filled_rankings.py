"""The rows of rankings and their drafts, for tests/query_plans/filled_tables.py."""

from typing import Final

from tests.query_plans.row_numbers import A_FEW

OF_RANKINGS: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "routing_rankingrow": (
        2 * A_FEW,
        {
            "mcc": "lpad((n / 10)::text, 4, '0')",
            "scope": "'network'",
            "network": "'visa'",
            "card_name": "'c' || n",
            "reward_type": "'cash'",
        },
    ),
    "routing_rankingdraft": (100, {"status": "'draft'", "author_id": "n", "changed_by_id": "n"}),
    "routing_rankingchange": (
        2 * A_FEW,
        {
            "draft_id": "(n %% 100) + 1",
            "mcc": "'5812'",
            "network": "'visa'",
            "card_name": "'c' || n",
            "reward_rate": "1",
            "reward_type": "'cash'",
        },
    ),
    "routing_rankingpreview": (
        100,
        {
            "draft_id": "n",
            "status": "CASE WHEN n = 17 THEN 'running' ELSE 'finished' END",
            "finished_at": "CASE WHEN n <> 17 THEN now() END",
            "asked_by_id": "n",
            "since": "now() - interval '900 days'",
            "until": "now() + interval '1 day'",
        },
    ),
    "routing_previewedpurchase": (2 * A_FEW, {"preview_id": "(n %% 100) + 1", "decision_id": "n"}),
}
