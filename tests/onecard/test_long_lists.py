"""The list of a long table: every row is reached page by page, nothing is counted, and only indexes are searched."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issuing.models import Authorization, Hold, IssuerEvent
from onecard.kit import clock, common_values, list_search, long_lists, row_counts
from tests.onecard.test_admin import page
from tests.support.back_office import logged_in, text_of
from tests.support.factories import VirtualCardFactory

pytestmark = pytest.mark.django_db
LIST = page(Authorization, "changelist")


@pytest.fixture(autouse=True)
def _every_table_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_counts, "LONG_FROM", 0)


@pytest.fixture
def browser() -> Client:
    return logged_in()


def purchases(count: int, *, merchant: str = "Bistro", same_time: bool = False, **more: Any) -> list[Authorization]:
    """Purchases, a minute apart or at one time, the newest last."""
    first, name = clock.now() - dt.timedelta(minutes=count), f"{merchant}{Authorization.objects.count()}"
    times = [first if same_time else first + dt.timedelta(minutes=n) for n in range(count)]
    rows = [
        Authorization(
            provider="stripe", issuer_authorization_id=f"iauth_{name}_{n}", status="settled", approved_minor=100,
            currency="USD", mcc="5812", merchant_name=merchant, created_at=time, updated_at=time, **more,
        )
        for n, time in enumerate(times)
    ]  # fmt: skip
    return Authorization.objects.bulk_create(rows)


def shown(browser: Client, query: str = "", model: Any = Authorization) -> Any:
    answer = browser.get(page(model, "changelist") + query)
    assert answer.status_code == 200, text_of(answer)
    return answer.context["cl"]


def keys(changelist: Any) -> list[int]:
    return [row.pk for row in changelist.result_list]


@pytest.mark.parametrize("same_time", [False, True])
def test_every_row_is_reached_forwards_and_backwards(browser: Client, same_time: bool) -> None:
    expected = [row.pk for row in reversed(purchases(120, same_time=same_time))]

    first = shown(browser)
    second = shown(browser, first.later)
    third = shown(browser, second.later)

    assert keys(first) + keys(second) + keys(third) == expected
    assert (first.earlier, third.later) == ("", "")
    assert keys(shown(browser, third.earlier)) == keys(second)
    back = shown(browser, second.earlier)
    assert (keys(back), back.earlier, back.later) == (keys(first), "", first.later)


def test_purchases_that_come_meanwhile_move_no_page(browser: Client) -> None:
    purchases(60)
    later = shown(browser).later
    expected = keys(shown(browser, later))
    purchases(30)
    assert keys(shown(browser, later)) == expected


def test_oldest_first_is_paged_as_well(browser: Client) -> None:
    expected = [row.pk for row in purchases(60)]
    first = shown(browser, "?o=0")
    assert keys(first) + keys(shown(browser, first.later)) == expected


def test_a_page_keeps_its_filter_and_the_filter_forgets_the_page(browser: Client) -> None:
    purchases(60)
    changelist = shown(browser, shown(browser, "?status__exact=settled").later)
    assert len(keys(changelist)) == 10
    assert "status__exact=settled" in changelist.earlier
    assert "after" not in changelist.get_query_string()


@pytest.mark.parametrize("query", ["?after=0", "?after=x", "?before=999999999999", "?after=99999999999999999999999"])
def test_a_page_after_a_row_that_is_not_there_is_the_first(browser: Client, query: str) -> None:
    expected = [row.pk for row in reversed(purchases(3))]
    assert keys(shown(browser, query)) == expected


def test_only_what_has_an_index_is_sorted_by(browser: Client) -> None:
    expected = [row.pk for row in reversed(purchases(3))]
    Authorization.objects.filter(pk=expected[0]).update(merchant_name="Zoo")
    changelist = shown(browser, "?o=1")
    assert (keys(changelist), changelist.sortable_by) == (expected, ["when"])


def test_a_long_selection_is_estimated_and_a_short_one_counted(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchases(60)
    assert "60 authorizations" in text_of(browser.get(LIST))
    monkeypatch.setattr(row_counts, "COUNTED_BELOW_COST", 0)
    changelist = shown(browser)
    assert changelist.is_estimate
    assert "about " in text_of(browser.get(LIST))
    changelist.result_count, changelist.is_estimate = 1_234_567, True
    assert changelist.count_in_words == "1,200,000"


def test_a_page_that_holds_all_is_counted(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_counts, "COUNTED_BELOW_COST", 0)
    purchases(3)
    changelist = shown(browser)
    assert (changelist.result_count, changelist.is_estimate, changelist.later) == (3, False, "")


def test_words_are_found_through_their_index(browser: Client) -> None:
    [bistro] = purchases(1, merchant="Bistro Verde")
    purchases(1, merchant="Corner Deli")
    assert keys(shown(browser, "?q=tro")) == keys(shown(browser, "?q=verde+BISTRO")) == [bistro.pk]
    assert keys(shown(browser, "?q=bistro+deli")) == []
    assert list_search.columns_with_words(Authorization) == {"merchant_name"}


@pytest.mark.parametrize("rare_up_to", [1, 2_000])
def test_rare_and_frequent_words_are_found_alike(
    browser: Client, monkeypatch: pytest.MonkeyPatch, rare_up_to: int
) -> None:
    monkeypatch.setattr(list_search, "RARE_UP_TO", rare_up_to)
    expected = [row.pk for row in reversed(purchases(60, merchant="Bistro"))]
    purchases(1, merchant="Corner Deli")
    first = shown(browser, "?q=bistro")
    assert keys(first) + keys(shown(browser, first.later)) == expected
    assert keys(shown(browser, "?q=zzqqxx")) == []


def test_an_id_is_found_as_a_whole_and_words_in_it_are_not(browser: Client) -> None:
    [one] = purchases(1)
    assert keys(shown(browser, f"?q={one.issuer_authorization_id}")) == [one.pk]
    assert keys(shown(browser, f"?q={one.issuer_authorization_id[:-1]}")) == []


def test_last_four_finds_the_cards_purchases(browser: Client) -> None:
    [mine] = purchases(1, card=VirtualCardFactory(last_four="4711"))
    purchases(1, card=VirtualCardFactory(last_four="4712"))
    assert keys(shown(browser, "?q=4711")) == [mine.pk]


def test_words_of_a_related_row_are_found(browser: Client) -> None:
    purchases(1, merchant="Corner Deli")
    assert keys(shown(browser, "?q=deli", Hold)) == []


def test_too_short_a_word_says_what_to_write(browser: Client) -> None:
    purchases(1)
    answer = browser.get(f"{LIST}?q=bi")
    assert keys(answer.context["cl"]) == []
    assert "at least 3 letters" in text_of(answer)


def test_more_matches_than_are_looked_at_are_named(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_search, "MOST_FOUND", 2)
    purchases(3, card=VirtualCardFactory(last_four="4711"), merchant="4711")
    answer = browser.get(f"{LIST}?q=4711")
    assert len(keys(answer.context["cl"])) == 2
    assert "Many rows match" in text_of(answer)


def test_fifty_rows_are_under_300_kb_and_have_one_class_a_cell(browser: Client) -> None:
    purchases(60, card=VirtualCardFactory())
    answer = browser.get(LIST)
    assert len(answer.content) < 300_000
    assert 'class="field-when oc-cell' in answer.content.decode()


def test_an_order_with_empty_values_has_no_pages_by_key() -> None:
    of = long_lists.KeyOrder.of
    assert of(Authorization, ["-created_at", "-id"]) == long_lists.KeyOrder(("created_at", "id"), descending=True)
    for ordering in (["-settle_due_at", "-id"], ["-created_at", "id"], ["-created_at"], ["-nothing", "-id"], []):
        assert of(Authorization, ordering) is None


def test_a_long_table_offers_its_common_values_without_reading_them(browser: Client) -> None:
    purchases(30)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE issuing_authorization")
    assert common_values.common_values(Authorization, "merchant_name") == ["Bistro"]
    assert common_values.common_values(Authorization, "nothing") == []
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(page(IssuerEvent, "changelist")).status_code == 200
    assert [each["sql"] for each in asked if 'DISTINCT "issuing_issuerevent' in each["sql"]] == []
