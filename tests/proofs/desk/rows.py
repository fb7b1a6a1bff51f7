"""What the filled database holds: for each table how many rows, which of them, and its columns by the row's number n.

One purchase is number n in every table that it has a row in. People buy all along 400 days; twenty of them very often.
"""

from collections.abc import Iterator
from typing import Final

from tests.proofs.desk import rows_after
from tests.proofs.desk.table import BY_ISSUER, BY_US, PAID, Table, one_of

DAYS: Final = 400
BUSY_PEOPLE: Final = 20
MERCHANTS: Final = (
    "Whole Foods", "Shell", "Uber", "Delta Air Lines", "Walgreens", "Target", "Trader Joes", "Netflix", "Bistro Verde",
    "Blue Bottle", "Home Depot", "Costco", "Chevron", "Lyft", "Marriott", "Hilton", "Best Buy", "Apple Store", "CVS",
    "Corner Deli", "Kwik Fix Garage", "Sakura Sushi", "Taqueria Sol", "Book Nook", "City Parking", "Museum Shop",
)  # fmt: skip
FIRST: Final = ("Ada", "Ben", "Carla", "Dev", "Elif", "Finn", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mona")
LAST: Final = ("Alvarez", "Brown", "Chen", "Diaz", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jensen", "Kowalski")


def tables(purchases: int) -> Iterator[Table]:
    """Returns the tables in the order in which they are filled."""
    people = max(100, purchases // 25)
    person = (
        f"(CASE WHEN n %% 50 = 0 THEN n / 50 %% {min(BUSY_PEOPLE, people)} ELSE n::bigint * 7919 %% {people} END + 1)"
    )
    at = f"(now() - interval '{DAYS} days' + n * (interval '{DAYS} days' / {purchases}))"
    amount = "(CASE WHEN n %% 997 = 0 THEN 500000 + n %% 90000 ELSE 150 + n::bigint * 7919 %% 19000 END)"
    merchant = f"({one_of(MERCHANTS)} || ' #' || n::bigint * 31 %% 997)"
    mcc = one_of(("5411", "5812", "5541", "4121", "4511", "5912", "5311", "7011", "5732"))
    four = "lpad((n::bigint * 7919 %% 10000)::text, 4, '0')"
    yield from _people(people, four)
    yield from _purchases(purchases, person, at, amount, merchant, mcc)
    yield from rows_after.funding(purchases, person, at, amount, merchant)
    yield from rows_after.clearing(purchases, person, at, amount, merchant, mcc)
    yield from rows_after.work(purchases, person, at)
    yield from rows_after.evidence(purchases, people, person, at)


def _people(people: int, four: str) -> Iterator[Table]:
    names = f"({one_of(FIRST)} || ' ' || {one_of(LAST, 'n / 7')} || ' ' || n)"
    yield Table(
        "users_user",
        people,
        {
            "username": "'person' || n",
            "email": "'person' || n || '@example.com'",
            "is_active": "true",
            "password": "'!'",
        },
    )
    yield Table(
        "wallet_cardholder",
        people,
        {
            "user_id": "n",
            "name": names,
            "legal_first_name": one_of(FIRST),
            "legal_last_name": one_of(LAST, "n / 7"),
            "phone": "'+1415' || lpad(n::text, 7, '0')",
            "kyc_status": "CASE WHEN n %% 40 = 0 THEN 'pending' WHEN n %% 90 = 1 THEN 'expired' ELSE 'verified' END",
            "time_zone": "'America/New_York'",
            "preference": "'cash'",
            "processor_customer_id": "'cus_' || n",
            "compliance_flags": "'{}'::varchar[]",
            "created_at": f"now() - interval '{DAYS} days'",
        },
    )
    yield Table(
        "wallet_kycreview",
        people,
        {
            "cardholder_id": "n",
            "status": "CASE WHEN n %% 40 = 0 THEN 'pending' ELSE 'verified' END",
            "submitted_by": "'user:' || n",
        },
    )
    yield Table(
        "wallet_kycevent",
        people,
        {"cardholder_id": "n", "from_status": "'not_started'", "to_status": "'pending'", "asked": "'[]'::jsonb"},
    )
    yield Table(
        "wallet_fundingmethod",
        3 * people,
        {
            "cardholder_id": "(n + 2) / 3",
            "network": one_of(("visa", "mastercard")),
            "name": one_of(("Citi Double Cash", "Sapphire Preferred", "Amex Gold", "Venture X")),
            "last_four": four,
            "expiry_month": "12",
            "expiry_year": "2029",
            "processor_method_id": "'pm_' || n",
            "status": "CASE WHEN n %% 50 = 0 THEN 'disabled' ELSE 'active' END",
            "is_backup": "n %% 3 = 0",
            "position": "n %% 3",
        },
    )
    yield Table(
        "issuing_virtualcard",
        people,
        {
            "cardholder_id": "n",
            "card_type": "'visa'",
            "status": "CASE WHEN n %% 60 = 0 THEN 'frozen' WHEN n %% 70 = 0 THEN 'closed' ELSE 'active' END",
            "issuer_provider": "CASE WHEN n %% 5 = 0 THEN 'marqeta' ELSE 'stripe' END",
            "issuer_card_id": "'ic_' || n",
            "last_four": four,
            "expiry_month": "12",
            "expiry_year": "2029",
            "currency": "'USD'",
            "per_transaction_limit_minor": "1000000",
            "daily_limit_minor": "2000000",
            "monthly_limit_minor": "9000000",
        },
    )
    yield Table(
        "issuing_issueraccount",
        people,
        {
            "cardholder_id": "n",
            "provider": "CASE WHEN n %% 5 = 0 THEN 'marqeta' ELSE 'stripe' END",
            "issuer_cardholder_id": "'ich_' || n",
        },
    )
    windows = 13 * people
    yield Table(
        "issuing_spendwindow",
        windows,
        {
            "card_id": f"n %% {people} + 1",
            "kind": "'month'",
            "starts_at": f"date_trunc('month', now()) - n / {people} * interval '1 month'",
            "ends_at": f"date_trunc('month', now()) - (n / {people} - 1) * interval '1 month'",
            "spent_minor": "n %% 90000",
        },
    )


def _purchases(purchases: int, person: str, at: str, amount: str, merchant: str, mcc: str) -> Iterator[Table]:
    recent = f"n > {purchases - purchases // 200}"
    yield Table(
        "issuing_issuerevent",
        purchases,
        {
            "provider": "'stripe'",
            "event_id": "'evt_' || n",
            "event_type": "'issuing_authorization.request'",
            "object_id": "'iauth_' || n",
            "status": "'handled'",
            "received_at": at,
            "handled_at": at,
        },
    )
    yield Table(
        "issuing_eventbody",
        purchases,
        {"received_at": "(SELECT received_at FROM issuing_issuerevent WHERE id = n)", "body": "'{}'::bytea"},
    )
    yield Table(
        "issuing_authorization",
        purchases,
        {
            "provider": "'stripe'",
            "issuer_authorization_id": "'iauth_' || n",
            "card_id": person,
            "status": f"CASE WHEN {PAID} AND {recent} THEN 'approved' WHEN {PAID} THEN 'settled' "
            "WHEN n %% 100 = 98 THEN 'reversed' WHEN n %% 100 = 99 THEN 'expired' ELSE 'declined' END",
            "approved_minor": f"CASE WHEN {BY_US} OR {BY_ISSUER} THEN 0 ELSE {amount} END",
            "declined_minor": f"CASE WHEN {BY_ISSUER} THEN {amount} ELSE 0 END",
            "issuer_reason": f"CASE WHEN {BY_ISSUER} THEN 'webhook_error' ELSE '' END",
            "currency": "'USD'",
            "mcc": mcc,
            "merchant_name": merchant,
            "created_at": at,
            "updated_at": at,
        },
    )
    yield Table(
        "issuing_decision",
        purchases,
        {
            "event_id": "n",
            "authorization_id": "n",
            "obligation_id": f"CASE WHEN {PAID} THEN n END",
            "round_key": "'0'",
            "approved": f"NOT ({BY_US})",
            "decline_reason": f"CASE WHEN {BY_US} THEN "
            + one_of(("limit_day", "card_frozen", "no_funding_card", "deadline"))
            + " ELSE '' END",
            "amount_minor": amount,
            "currency": "'USD'",
            "rule": f"CASE WHEN {BY_US} THEN '' ELSE 'network' END",
            "timings_ms": """jsonb_build_object('total', 4 + n %% 40)""",
            "decided_at": at,
        },
        where=f"NOT ({BY_ISSUER})",
    )
    people = max(100, purchases // 25)
    yield Table(
        "issuing_hold",
        purchases,
        {
            "decision_id": "n",
            "authorization_id": "n",
            "day_id": f"n %% {people} + 1",
            "month_id": f"n %% {people} + 1",
            "amount_minor": amount,
            "status": f"CASE WHEN {recent} THEN 'placed' ELSE 'released' END",
            "placed_at": at,
        },
        where=PAID,
    )
