"""The rows of notices, of webhooks and of alerts, for tests/query_plans/filled_tables.py."""

from typing import Final

from tests.query_plans.row_numbers import A_FEW, DUE, PEOPLE, PERSON, PURCHASES, SOME_DUE

OF_NOTICES: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "notices_notice": (
        PURCHASES,
        {
            "user_id": PERSON,
            "kind": "'purchase_approved'",
            "cause": "'decision:' || n",
            "title": "'Purchase approved'",
            "is_shown": "true",
            "read_at": "CASE WHEN n %% 3 > 0 THEN now() END",
        },
    ),
    "notices_noticemail": (
        A_FEW,
        {
            "notice_id": "n",
            "status": "CASE WHEN n %% 500 = 0 THEN 'intended' ELSE 'sent' END",
            "next_attempt_at": f"CASE WHEN n %% 500 = 0 THEN {SOME_DUE} END",
        },
    ),
    "alerts_incident": (
        A_FEW,
        {
            "kind": "'outbox_waits'",
            "key": "CASE WHEN n %% 500 = 0 THEN n::text ELSE '' END",
            "status": "CASE WHEN n %% 500 = 0 THEN 'open' ELSE 'resolved' END",
            "resolved_at": "CASE WHEN n %% 500 > 0 THEN now() END",
        },
    ),
    "alerts_alertmessage": (
        A_FEW,
        {
            "incident_id": "n",
            "channel": "'webhook'",
            "occasion": "'incident.opened'",
            "status": "CASE WHEN n %% 500 = 0 THEN 'waiting' ELSE 'sent' END",
            "next_attempt_at": f"CASE WHEN n %% 500 = 0 THEN {SOME_DUE} END",
        },
    ),
    "notices_choice": (PEOPLE, {"user_id": "n", "kind": "'purchase_approved'", "channel": "'email'"}),
    "integrations_endpoint": (
        PEOPLE,
        {"user_id": "n", "url": "'https://hooks.example.com/' || n", "events": "ARRAY['*']::varchar[]"},
    ),
    "integrations_event": (
        PURCHASES,
        {
            "user_id": PERSON,
            "type": "'purchase.approved'",
            "notification": "jsonb_build_object('reference', 'purchase:iauth_' || n)",
        },
    ),
    "integrations_delivery": (
        PURCHASES,
        {
            "event_id": "n",
            "endpoint_id": PERSON,
            "status": f"CASE WHEN {DUE} THEN 'waiting' WHEN n %% 7 = 0 THEN 'given_up' ELSE 'delivered' END",
            "next_attempt_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END",
        },
    ),
}
