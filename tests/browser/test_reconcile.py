"""A member of staff reconciles now, reads a difference in words, and opens its case."""

import datetime as dt

import pytest
from playwright.sync_api import expect

from issuing.reconcile import window
from tests.browser.conftest import Axe, Buy, LogIn, Shot
from tests.issuing.reconcile.books import forget_posting

pytestmark = pytest.mark.only_in_proofs


def test_staff_reconcile_and_read_a_difference(
    log_in: LogIn, buy: Buy, axe: Axe, shot: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "GRACE", dt.timedelta(0))
    report = buy(amount="45.00", merchant="Bella Italia")
    assert report.charge is not None
    forget_posting(f"charge:{report.charge.public_id}")
    page = log_in("operations")

    page.get_by_role("link", name="Reconciliations").click()
    page.get_by_role("link", name="Reconcile now").click()
    axe(page)
    page.get_by_role("button", name="Reconcile now").click()

    expect(page.get_by_text("2 differences wait for a person", exact=False)).to_be_visible(timeout=30_000)
    difference = page.get_by_role("row", name=str(report.charge.public_id))
    expect(difference).to_contain_text("succeeded 45.00 USD here, and nothing with the ledger.")
    axe(page)
    shot(page, "reconciliation")
    difference.get_by_role("link").click()
    expect(page.get_by_text("The books of two sides differ").first).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_text("Last reconciliation")).to_be_visible()
    axe(page)
