"""The pages about postings: the chart of accounts, the list, and a purchase's money to the end."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from onecard.kit.money import Money
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.wallets import walkthrough_card
from tests.wallet.admin.case_pages import staff
from tests.wallet.charges.unpaid import capture, pay, receivable
from wallet import accounts
from wallet.admin.refunds import MEANING
from wallet.ledger import postings as ledger
from wallet.models import FundingObligation
from wallet.states import Refund

pytestmark = pytest.mark.django_db


ACCOUNTS = "/admin/wallet/posting/accounts/"


def test_the_chart_says_what_each_account_means_and_which_returns_to_zero() -> None:
    receivable(captured_minor=1200)
    with transaction.atomic():
        ledger.post(kind="top_up", key="top-up:1", money=Money(999, "EUR"), reference="card:1")
    client = logged_in(staff("view_posting"))

    shown = text_of(client.get(ACCOUNTS))

    assert set(accounts.MEANING) == set(accounts.Account)
    for account in accounts.Account:
        assert str(account.label) in shown
        assert str(accounts.MEANING[account]) in shown
    for balance in ("12.00 USD", "-12.00 USD", "9.99 EUR", "-9.99 EUR", "Nothing has moved"):
        assert f"<div>{balance}</div>" in shown, balance
    assert shown.count("Must</span> for each purchase that is over") == len(accounts.RETURNS_TO_ZERO)


def test_the_chart_is_read_with_one_query_of_postings() -> None:
    receivable()
    client = logged_in(staff("view_posting"))
    with CaptureQueriesContext(connection) as queries:
        client.get(ACCOUNTS)
    assert len([each for each in queries if "wallet_posting" in each["sql"]]) == 1
    assert len([each for each in queries if "wallet_ledgersum" in each["sql"]]) == 1


def test_who_may_not_see_postings_sees_no_accounts_and_nobody_posts_there() -> None:
    assert logged_in(staff()).get(ACCOUNTS).status_code == 403
    assert logged_in(staff("view_posting")).post(ACCOUNTS, {}).status_code == 403


def test_postings_are_found_by_reference_kind_and_account() -> None:
    capture(100, reference="authorization:1", key="one")
    with transaction.atomic():
        ledger.post(kind="top_up", key="two", money=Money(200, "USD"), reference="card:1")
    client, url = logged_in(), "/admin/wallet/posting/"

    for query, words in (
        ({"q": "authorization:1"}, "1.00 USD"),
        ({"kind__exact": "top_up"}, "2.00 USD"),
        ({"account": "card_balances"}, "2.00 USD"),
        ({"account": "issuer"}, "1.00 USD"),
    ):
        shown = text_of(client.get(url, query))
        assert words in shown, query
        assert ("1.00 USD" in shown) != ("2.00 USD" in shown), query


def test_a_purchases_page_shows_its_money_to_the_end() -> None:
    card = walkthrough_card()
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=4500))
    obligation = FundingObligation.objects.get()
    pay(obligation.charges.get())
    capture(3000, reference=obligation.purchase)

    pk = obligation.purchase.partition(":")[2]
    shown = text_of(logged_in().get(reverse("admin:issuing_authorization_change", args=[pk])))

    assert "<dt>Amount due</dt><dd>45.00 USD</dd>" in shown
    assert "<dt>Owed by the cardholder</dt><dd>0.00 USD</dd>" in shown
    assert "<dt>Left in clearing</dt><dd>15.00 USD paid and not taken by a merchant yet.</dd>" in shown
    for words in ("Merchant paid", "Funding card charged", "The merchant has taken nothing yet."):
        assert words in shown


def test_every_state_of_a_refund_has_its_words() -> None:
    assert set(MEANING) == set(Refund)
