"""What the cards' side must have in the ledger, over all time: balances, movements, and purchases in clearing."""

import datetime as dt
from collections.abc import Iterator

from django.db import connection

from issuing.reconcile import purchases
from onecard.kit import clock
from wallet.ledger_check import Problem

EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# What we owe is negative in the ledger and positive on the card. A request that was paid is put on the card within
# moments of its posting, and money that came too late for its request is on its way back: both explain the gap.
CARDS = """
SELECT c.id, c.currency, c.balance_minor, coalesce(p.minor, 0) FROM issuing_virtualcard c
FULL OUTER JOIN (
    SELECT reference, currency,
        sum(CASE WHEN credit = 'card_balances' THEN amount_minor ELSE -amount_minor END)::bigint AS minor
    FROM wallet_posting WHERE debit = 'card_balances' OR credit = 'card_balances' GROUP BY reference, currency
) p ON p.reference = 'card:' || c.id AND p.currency = c.currency
WHERE coalesce(c.balance_minor, 0) <> coalesce(p.minor, 0)
    AND NOT EXISTS (SELECT FROM issuing_cardfunding f JOIN wallet_fundingobligation o ON o.id = f.obligation_id
        WHERE f.card_id = c.id AND f.status = 'requested' AND o.status = 'funded')
    AND NOT EXISTS (SELECT FROM wallet_fundingrefund r JOIN wallet_fundingobligation o ON o.id = r.obligation_id
        WHERE o.purchase = 'card:' || c.id AND r.status IN ('intended', 'sending', 'unknown'))
ORDER BY 1
"""
MOVEMENTS = """
SELECT coalesce(ours.key, posted.key), ours.amount_minor, ours.currency, posted.amount_minor, posted.currency
FROM (SELECT 'card_transaction:' || id AS key, amount_minor, currency FROM issuing_cardtransaction
    WHERE authorization_id IS NOT NULL AND amount_minor > 0) ours
FULL OUTER JOIN (SELECT key, amount_minor, currency FROM wallet_posting WHERE starts_with(key, 'card_transaction:'))
    posted ON posted.key = ours.key
WHERE ours.key IS NULL OR posted.key IS NULL
    OR (ours.amount_minor, ours.currency) IS DISTINCT FROM (posted.amount_minor, posted.currency)
ORDER BY 1
"""


def check() -> list[Problem]:
    """Everything of the cards' side that the ledger does not agree with; empty when it does."""
    return [*_cards(), *_movements(), *_clearing()]


def _cards() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(CARDS)
        for card_id, currency, held, posted in cursor.fetchall():
            about = f"card:{card_id}" if card_id else "card_balances"
            says = f"has a balance of {held} {currency}" if card_id else "names no card of ours"
            yield Problem(about, f"{about} {says}; its postings say {posted}.")


def _movements() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(MOVEMENTS)
        for key, minor, currency, posted_minor, posted_currency in cursor.fetchall():
            here = "has no row" if minor is None else f"is {minor} {currency}"
            there = "has no posting" if posted_minor is None else f"is posted as {posted_minor} {posted_currency}"
            yield Problem(key, f"{key} {here}, and {there}.")


def _clearing() -> Iterator[Problem]:
    for found in purchases.left_in_clearing(EVER, clock.now()):
        assert found.here is not None  # noqa: S101  (the purchase is the row)
        left = f"{found.here.amount_minor} {found.here.currency}"
        yield Problem(found.key, f"{found.key} is {found.here.state}, and {left} are left in clearing unexplained.")
