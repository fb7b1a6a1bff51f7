"""Cards like those of the benchmark (tests/proofs/bench/people.py), made by the server itself, and rankings.

Card number n, counted from 0, has the key n + 1, and so have its holder and their login; its methods have 4n + 1 to
4n + 4.
"""

from collections.abc import Iterator
from typing import Final

from onecard.kit.money import MAX_AMOUNT_MINOR
from tests.proofs.bench.people import MCC, RATES
from tests.proofs.desk.table import one_of
from tests.proofs.scale.table import Table, ranges

# Of a decision's four-digit codes so many have rankings, the measured one among them.
CATEGORIES: Final = 1000
NETWORKS: Final = tuple(str(network) for network in RATES)
NAMES: Final = tuple(str(network.label) for network in RATES)


def cards(first: int, last: int) -> Iterator[Table]:
    """Returns the tables of the cards from first to last, in the order in which they are filled."""
    numbers = ranges(first, last)
    login = {
        "id": "n + 1", "username": "'bench-' || n", "password": "''", "is_superuser": "false", "is_staff": "false",
        "is_active": "true", "date_joined": "now()", "session_version": "0",
    }  # fmt: skip
    yield Table("users_user", numbers, login)
    holder = {
        "id": "n + 1", "user_id": "n + 1", "name": "'Bench ' || n", "kyc_status": "'verified'",
        "time_zone": "'America/New_York'", "preference": "'cash'", "processor_customer_id": "'cus_bench_' || n",
        "wallet_version": "1", "created_at": "now()", "updated_at": "now()",
    }  # fmt: skip
    yield Table("wallet_cardholder", numbers, holder)
    yield Table("wallet_fundingmethod", ranges(len(RATES) * first, len(RATES) * last + len(RATES) - 1), _method())
    yield Table("issuing_virtualcard", numbers, _card())
    account = {
        "id": "n + 1", "cardholder_id": "n + 1", "provider": "'stripe'", "issuer_cardholder_id": "'ich_bench_' || n",
        "created_at": "now()",
    }  # fmt: skip
    yield Table("issuing_issueraccount", numbers, account)


def _method() -> dict[str, str]:
    position = f"n %% {len(RATES)}"
    return {
        "id": "n + 1", "cardholder_id": f"n / {len(RATES)} + 1", "name": one_of(NAMES), "network": one_of(NETWORKS),
        "last_four": "'0000'", "expiry_month": "12", "expiry_year": "2090",
        "processor_method_id": f"'pm_bench_' || n / {len(RATES)} || '_' || {position}",
        "currencies": "ARRAY['USD']::varchar[]", "status": "'active'", "is_backup": f"{position} = 1",
        "position": position, "created_at": "now()", "updated_at": "now()",
    }  # fmt: skip


def _card() -> dict[str, str]:
    limits = dict.fromkeys(
        ("daily_limit_minor", "monthly_limit_minor", "per_transaction_limit_minor"), str(MAX_AMOUNT_MINOR)
    )
    return limits | {
        "id": "n + 1", "cardholder_id": "n + 1", "card_type": "'visa'", "issuer_provider": "'stripe'",
        "issuer_card_id": "'ic_bench_' || n", "last_four": "'0000'", "expiry_month": "12", "expiry_year": "2090",
        "currency": "'USD'", "status": "'active'", "compliance_flags": "'[]'::jsonb", "version": "1",
        "created_at": "now()", "updated_at": "now()",
    }  # fmt: skip


def rankings(count: int) -> Iterator[Table]:
    """Returns card products and what each of them earns in a thousand categories: so many rows."""
    products = -(-count // CATEGORIES)
    product = {
        "id": "1000 + n", "key": "'product-' || n", "name": "'Product ' || n", "issuer": "'A bank'",
        "network": one_of(NETWORKS), "annual_fee_minor": "0", "fee_currency": "'USD'",
    }  # fmt: skip
    yield Table("wallet_cardproduct", ranges(0, products - 1), product)
    row = {
        "id": "1000 + n", "mcc": f"lpad((({MCC} + n %% {CATEGORIES} * 10) %% 10000)::text, 4, '0')",
        "scope": "'product'", "product_id": f"1000 + n / {CATEGORIES}", "card_name": "'Product'",
        "reward_rate": "1 + n %% 5", "reward_type": one_of(("cash", "points", "miles")), "annual_fee_minor": "0",
        "version": "1", "updated_at": "now()",
    }  # fmt: skip
    yield Table("routing_rankingrow", ranges(0, count - 1), row)
