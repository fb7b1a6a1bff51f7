"""The rows of rankings and their drafts, for tests/query_plans/filled_tables.py."""

from typing import Final

from tests.query_plans.row_numbers import A_FEW, PURCHASES

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
    "routing_cardspend": (
        2 * A_FEW,
        {"method_id": "(n / 4) + 1", "name": "'cap' || n %% 4", "tag": "''", "starts_on": "current_date - 30"},
    ),
    "routing_spendbooking": (
        PURCHASES,
        {
            "charge_id": "n",
            "method_id": "n",
            "status": "CASE WHEN n %% 1000 = 1 THEN 'pending' ELSE 'posted' END",
            "amount_minor": "1",
            "kept_minor": "1",
            "looked_at": "now() - interval '90 days' + n * interval '21 minutes'",
        },
    ),
    "routing_spaceprices": (A_FEW, {"cardholder_id": "n", "made_at": "now() - n * interval '1 second'"}),
    "routing_personalrule": (
        2 * A_FEW,
        {"cardholder_id": "(n / 4) + 1", "method_id": "(n / 4) + 1", "action": "'use_this_card'", "target_minor": "0"},
    ),
}
