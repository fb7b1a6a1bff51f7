"""Lists are filtered by amounts as they are printed, by days of the viewer's own zone, and by cards."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issuing.models import Authorization, VirtualCard
from onecard.kit import bounded_reading, clock, row_counts
from onecard.kit.money import Money
from tests.onecard.test_admin import page
from tests.onecard.test_long_lists import keys, purchases, shown
from tests.support import stripe_events
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import VirtualCardFactory
from tests.support.purchases import approve_purchase, pay_charges
from tests.support.wallets import walkthrough_card
from wallet import cases
from wallet.models import Case, FundingCharge, FundingObligation, Posting

pytestmark = [pytest.mark.django_db, pytest.mark.only_in_proofs]
LIST = page(Authorization, "changelist")


@pytest.fixture
def browser() -> Client:
    return logged_in()


def priced(*amounts_minor: int, **more: Any) -> list[int]:
    """Purchases of these amounts, the newest last; gives their keys."""
    rows = purchases(len(amounts_minor), **more)
    for row, minor in zip(rows, amounts_minor, strict=True):
        row.approved_minor = minor
    Authorization.objects.bulk_update(rows, ["approved_minor"])
    return [row.pk for row in rows]


def told(browser: Client, query: str) -> tuple[list[int], str]:
    """The keys that a list shows, and its message."""
    answer = browser.get(LIST + query)
    assert answer.status_code == 200
    return keys(answer.context["cl"]), " ".join(str(each) for each in answer.context["messages"])


def test_amounts_are_read_as_they_are_printed_with_both_ends(browser: Client) -> None:
    small, least, most, large = priced(149_999, 150_000, 250_000, 250_001)
    assert keys(shown(browser, "?amount_from=1,500.00&amount_to=2,500.00&amount_in=USD")) == [most, least]
    assert keys(shown(browser, "?amount_from=1500 USD")) == [large, most, least]
    assert keys(shown(browser, "?amount_to=1,500.00")) == [least, small]


def test_german_amounts_are_read_by_whoever_reads_german() -> None:
    person = superuser()
    type(person).objects.filter(pk=person.pk).update(language="de")
    _small, large = priced(149_999, 150_000)
    browser = logged_in(person)
    assert told(browser, "?amount_from=1.500,00")[0] == [large]
    assert told(browser, "?amount_from=1,500.00")[0] == []


def test_an_amount_of_another_currency_is_another_amount(browser: Client) -> None:
    dollars, euros = priced(1000, 1000)
    Authorization.objects.filter(pk=euros).update(currency="EUR")
    assert keys(shown(browser, "?amount_from=10.00&amount_to=10.00&amount_in=EUR")) == [euros]
    assert keys(shown(browser, "?amount_from=10.00+EUR&amount_in=USD")) == [euros]
    assert keys(shown(browser, "?amount_from=10.00")) == [dollars]
    assert [field["options"] for field in _fields(browser, "amount_in")] == [["USD", "EUR"]]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("amount_from=cheap", "“cheap” is not an amount of USD"),
        ("amount_from=1.500", "“1.500” is not an amount of USD"),
        ("amount_from=5.00&amount_to=3.00", "No amount is between 5.00 USD and 3.00 USD: the first is larger."),
        ("amount_from=5.00 EUR&amount_to=9.00 USD", "Both amounts must be in one currency."),
        ("amount_from=9e99&amount_in=XXX", "not an amount"),
        ("created_at_from=soon", "“soon” is not a day: write it like 2026-11-30."),
        ("created_at_to=2026-02-31", "“2026-02-31” is not a day"),
        ("created_at_from=0001-01-01", "“0001-01-01” is not a day"),
        ("created_at_from=2026-03-02&created_at_to=2026-03-01", "No day is between 2026-03-02 and 2026-03-01"),
    ],
)
def test_what_cannot_be_read_selects_nothing_and_is_said(browser: Client, query: str, sentence: str) -> None:
    priced(1000)
    found, message = told(browser, f"?{query}")
    assert found == []
    assert sentence in message
    assert sentence in text_of(browser.get(f"{LIST}?{query}")).split('id="filter-form"')[1]


def test_a_purchase_that_was_declined_has_the_amount_that_was_asked_for(browser: Client) -> None:
    ours, issuers = priced(0, 0)
    Authorization.objects.filter(pk=issuers).update(declined_minor=7700)
    card = walkthrough_card(status="frozen")
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=8800)
    assert stripe_events.post(asked).json()["approved"] is False
    declined = Authorization.objects.get(card=card).pk
    assert keys(shown(browser, "?amount_from=77.00&amount_to=77.00")) == [issuers]
    assert keys(shown(browser, "?amount_from=88.00")) == [declined]
    assert keys(shown(browser, "?amount_to=0.00")) == [ours]


def test_a_day_begins_and_ends_where_the_viewer_is() -> None:
    person = superuser()
    type(person).objects.filter(pk=person.pk).update(time_zone="America/New_York")
    # The clocks there went forward on 8 March 2026, so that day has 23 hours.
    moments = ("2026-03-08T04:59:59Z", "2026-03-08T05:00Z", "2026-03-09T03:59:59Z", "2026-03-09T04:00Z")
    rows = priced(*(100 for _ in moments))
    for pk, moment in zip(rows, moments, strict=True):
        Authorization.objects.filter(pk=pk).update(created_at=dt.datetime.fromisoformat(moment))
    day = "?created_at_from=2026-03-08&created_at_to=2026-03-08"
    assert told(logged_in(person), day)[0] == [rows[2], rows[1]]
    type(person).objects.filter(pk=person.pk).update(time_zone="UTC")
    assert told(logged_in(person), day)[0] == [rows[1], rows[0]]


def test_fields_left_empty_leave_the_address(browser: Client) -> None:
    answer = browser.get(f"{LIST}?amount_from=&amount_to=&amount_in=USD&mcc=&created_at_from=&q=deli&outcome=approved")
    assert answer["Location"] == f"{LIST}?q=deli&outcome=approved"
    assert not shown(browser, "?q=deli").has_active_filters


def test_typed_days_take_the_place_of_a_link_and_a_link_of_typed_days(browser: Client) -> None:
    typed = "created_at_from=2026-03-08"
    answer = browser.get(f"{LIST}?created_at__gte=2026-01-01+00%3A00%3A00%2B00%3A00&{typed}")
    assert answer["Location"] == f"{LIST}?{typed}"
    cl = shown(browser, f"?{typed}&mcc=5812")
    links = [each["query_string"] for each in cl.filter_specs[0].choices(cl) if "display" in each]
    assert len(links) == 5
    assert not any("created_at_from" in each for each in links)
    assert any("created_at__gte" in each and "mcc=5812" in each for each in links)


def test_the_form_sends_the_other_filters_along(browser: Client) -> None:
    kept = shown(browser, "?outcome=approved&q=deli&mcc=5812&amount_from=1.00").kept_params
    assert kept == {"outcome": "approved", "q": "deli"}


@pytest.mark.parametrize("long_from", [0, 10_000])
def test_rows_are_found_by_the_last_four_or_the_id_of_a_card(
    browser: Client, monkeypatch: pytest.MonkeyPatch, long_from: int
) -> None:
    monkeypatch.setattr(row_counts, "LONG_FROM", long_from)
    card = VirtualCardFactory(last_four="4242", issuer_card_id="ic_mine")
    mine = purchases(2, card=card)
    purchases(2, card=VirtualCardFactory(last_four="1881"))
    for typed in ("4242", "ic_mine", str(card.public_id)):
        assert keys(shown(browser, f"?virtual_card={typed}")) == [row.pk for row in reversed(mine)]
        assert keys(shown(browser, f"?virtual_card={typed}", VirtualCard)) == [card.pk]
    for typed in ("0000", "ic_", "42", "x" * 300, "4242'"):
        assert keys(shown(browser, f"?virtual_card={typed}")) == []


@pytest.mark.parametrize("long_from", [0, 10_000])
def test_rows_are_found_by_the_funding_card_that_was_charged(
    browser: Client, monkeypatch: pytest.MonkeyPatch, long_from: int
) -> None:
    monkeypatch.setattr(row_counts, "LONG_FROM", long_from)
    card = walkthrough_card()
    approve_purchase(card, 4500)
    pay_charges()
    purchases(2)
    method = FundingCharge.objects.get().method
    for model in (Authorization, FundingCharge, FundingObligation):
        for typed in (method.last_four, method.processor_method_id, str(method.public_id)):
            assert len(keys(shown(browser, f"?funding_card={typed}", model))) == 1, model
        assert keys(shown(browser, "?funding_card=pm_nobodys", model)) == []


@pytest.mark.parametrize("model", [FundingCharge, FundingObligation, Posting, Case])
def test_lists_of_the_wallet_are_filtered_by_the_amounts_that_they_show(browser: Client, model: Any) -> None:
    card = walkthrough_card()
    approve_purchase(card, 4500)
    approve_purchase(card, 4600)
    pay_charges()
    for number, minor in enumerate((4500, 4600)):
        cases.open_case(kind=Case.Kind.BY_HAND, reference=f"x:{number}", money=Money(minor, "USD"), summary="Look.")
    assert len(keys(shown(browser, "", model))) == 2
    found = shown(browser, "?amount_from=45.00&amount_to=45.00", model)
    assert [str(each.money) for each in found.result_list] == ["45.00 USD"]
    assert keys(shown(browser, "?amount_from=99,999.00", model)) == []


def test_a_long_list_looks_at_a_part_and_says_how_far(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_counts, "LONG_FROM", 0)
    monkeypatch.setattr(bounded_reading, "MOST_READ", 40)
    amounts = [100] * 130
    for place in (3, 60, 61, 129):
        amounts[place] = 9900
    rows = priced(*amounts)
    rare = "?amount_from=99.00"

    found, page_of = [], shown(browser, rare)
    pages = [page_of]
    while page_of.later:
        page_of = shown(browser, page_of.later)
        pages.append(page_of)
    found = [pk for each in pages for pk in keys(each)]

    assert found == [rows[place] for place in (129, 61, 60, 3)]
    assert "Only 40 rows were looked at for this page, as far as" in pages[0].looked_at_in_words
    assert [each.looked_at for each in pages] == [40, 40, 40, 0]
    assert keys(pages[1]) == [rows[61], rows[60]]
    # Backwards the same rows are reached.
    back = shown(browser, pages[-1].earlier)
    assert set(keys(back)) <= {rows[61], rows[60]}
    empty = shown(browser, "?amount_from=5,000.00")
    assert keys(empty) == []
    assert "Look further" in text_of(browser.get(f"{LIST}?amount_from=5,000.00"))


def test_days_say_where_a_long_list_begins_to_look(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_counts, "LONG_FROM", 0)
    monkeypatch.setattr(bounded_reading, "MOST_READ", 40)
    old = priced(9900)
    Authorization.objects.filter(pk__in=old).update(created_at=dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC))
    priced(*[100] * 60)
    list_page = shown(browser, "?amount_from=99.00&created_at_to=2026-01-05")
    assert (keys(list_page), list_page.looked_at) == (old, 0)


def test_days_of_a_long_table_without_an_index_of_them_are_found_by_keys(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_counts, "LONG_FROM", 0)
    approve_purchase(walkthrough_card(), 4500)
    row = FundingObligation.objects.order_by("pk").last()
    assert row is not None
    FundingObligation.objects.exclude(pk=row.pk).update(created_at=clock.now() - dt.timedelta(days=90))
    today = clock.now().date()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = keys(shown(browser, f"?created_at_from={today}&created_at_to={today}", FundingObligation))
    assert found == [row.pk]
    of_list = [each["sql"] for each in asked if "ORDER BY" in each["sql"] and "open_case_count" in each["sql"]]
    assert of_list
    assert all('"wallet_fundingobligation"."id" >=' in each for each in of_list)


def _fields(browser: Client, name: str) -> list[dict[str, Any]]:
    cl = shown(browser)
    return [each for spec in cl.filter_specs for each in spec.choices(cl) if each.get("name") == name]
