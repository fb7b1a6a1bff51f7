"""The ledger balances that the cards' side requires, over all time: balances, movements, and purchases in clearing."""

import datetime as dt
from collections.abc import Iterator

from django.db import connection

from issuing.reconcile import uncleared
from issuing.reconcile.compare import Difference
from issuing.reconcile.comparisons import of_books
from issuing.reconcile.window import MARGIN, Window
from onecard.kit import clock
from wallet.ledger.check import Problem
from wallet.references import Subject

EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# A card and its replacement share a balance, so they count together under the first one's id. Our debts are negative in
# the ledger and positive on the card. What purchases set aside and merchants have not captured is off the balance and
# not posted. A paid top-up is put on the card moments after its posting, and money that came too late for its request
# is on its way back: both explain a gap.
CARDS = """
WITH RECURSIVE family AS (
    SELECT id AS card_id, id AS first_id FROM issuing_virtualcard WHERE replaces_id IS NULL
    UNION ALL SELECT c.id, f.first_id FROM issuing_virtualcard c JOIN family f ON f.card_id = c.replaces_id
), named AS (
    SELECT 'card:' || card_id AS reference, first_id FROM family
    UNION ALL SELECT 'authorization:' || u.authorization_id, f.first_id
    FROM issuing_balanceuse u JOIN family f ON f.card_id = u.card_id
), set_aside AS (
    SELECT f.first_id, sum(u.amount_minor - u.posted_minor)::bigint AS minor
    FROM issuing_balanceuse u JOIN family f ON f.card_id = u.card_id GROUP BY f.first_id
), held AS (
    SELECT f.first_id, c.currency, sum(c.balance_minor)::bigint AS minor
    FROM issuing_virtualcard c JOIN family f ON f.card_id = c.id GROUP BY f.first_id, c.currency
), posted AS (
    SELECT n.first_id, p.currency,
        sum(CASE WHEN p.credit = 'card_balances' THEN p.amount_minor ELSE -p.amount_minor END)::bigint AS minor
    FROM wallet_posting p LEFT JOIN named n ON n.reference = p.reference
    WHERE p.debit = 'card_balances' OR p.credit = 'card_balances' GROUP BY n.first_id, p.currency
)
SELECT h.first_id, coalesce(h.currency, p.currency), coalesce(h.minor, 0), coalesce(s.minor, 0), coalesce(p.minor, 0)
FROM held h FULL OUTER JOIN posted p ON p.first_id = h.first_id AND p.currency = h.currency
LEFT JOIN set_aside s ON s.first_id = h.first_id
WHERE coalesce(h.minor, 0) + coalesce(s.minor, 0) <> coalesce(p.minor, 0)
    AND NOT EXISTS (SELECT FROM issuing_cardfunding f JOIN wallet_fundingobligation o ON o.id = f.obligation_id
        JOIN family m ON m.card_id = f.card_id
        WHERE m.first_id = h.first_id AND f.status = 'requested' AND o.status = 'funded')
    AND NOT EXISTS (SELECT FROM wallet_fundingrefund r JOIN wallet_fundingobligation o ON o.id = r.obligation_id
        JOIN family m ON o.purchase = 'card:' || m.card_id
        WHERE m.first_id = h.first_id AND r.status IN ('intended', 'sending', 'unknown'))
ORDER BY 1
"""
# The part that each purchase says it has in the ledger, and the ledger's amount.
USES = """
SELECT 'authorization:' || u.authorization_id, u.posted_minor, coalesce(p.minor, 0), a.currency
FROM issuing_balanceuse u JOIN issuing_authorization a ON a.id = u.authorization_id
LEFT JOIN (
    SELECT reference, sum(CASE WHEN debit = 'card_balances' THEN amount_minor ELSE -amount_minor END)::bigint AS minor
    FROM wallet_posting WHERE debit = 'card_balances' OR credit = 'card_balances' GROUP BY reference
) p ON p.reference = 'authorization:' || u.authorization_id
WHERE u.posted_minor <> coalesce(p.minor, 0)
ORDER BY u.id
"""


def check() -> list[Problem]:
    """Returns every disagreement between the cards' side and the ledger; empty when there is none."""
    return [*on_cards(), *_movements(), *_clearing()]


def on_cards() -> list[Problem]:
    """Returns every disagreement between the ledger and the cards' and purchases' balances.

    Empty when there is none.
    """
    return [*_cards(), *_uses()]


def _cards() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(CARDS)
        for card_id, currency, held, set_aside, posted in cursor.fetchall():
            about = Subject.CARD.reference(card_id) if card_id else "card_balances"
            more = f", and {set_aside} more set aside for purchases" if set_aside else ""
            says = f"has a balance of {held} {currency}{more}" if card_id else "names no card of ours"
            yield Problem(about, f"{about} {says}; its postings say {posted}.")


def _uses() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(USES)
        for name, said, posted, currency in cursor.fetchall():
            yield Problem(
                name, f"{name} says that {said} {currency} of it are posted as spent; its postings say {posted}."
            )


def _movements() -> Iterator[Problem]:
    """As the nightly reconciliation compares them, over all time."""
    now = clock.now()
    (posted,) = (each for each in of_books() if each.name == "posted_transactions")
    with posted.differences(Window(since=EVER, until=now + MARGIN, now=now), lambda _rows: None) as differences:
        for found in differences:
            yield Problem(found.key, _in_words(found))


def _in_words(found: Difference) -> str:
    here, there = found.here, found.there
    ours = "has no row" if here is None else f"is a {here.state} of {here.amount_minor} {here.currency}"
    if there is None:
        return f"{found.key} {ours}, and has no posting."
    return f"{found.key} {ours}, and is posted as a {there.state} of {there.amount_minor} {there.currency}."


def _clearing() -> Iterator[Problem]:
    for found in uncleared.left_in_clearing(clock.now() + MARGIN):
        assert found.here is not None  # noqa: S101  (the purchase is the row)
        left = f"{found.here.amount_minor} {found.here.currency}"
        yield Problem(found.key, f"{found.key} is {found.here.state}, and {left} are left in clearing unexplained.")
