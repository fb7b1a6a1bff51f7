"""A list's filters under a name, for one person or for a group."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from onecard.desk import saved_filters
from onecard.desk.models import SavedFilter
from onecard.users.models import User
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
LIST = reverse("admin:issuing_authorization_changelist")
SAVE = reverse("desk:save-filter", args=["issuing", "authorization"])


def clerk(role: str = "operations") -> User:
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def names(browser: Client) -> list[str]:
    return [each.name for each in browser.get(LIST).context["saved"]]


def test_a_filter_is_saved_without_its_page_and_leads_back() -> None:
    browser = logged_in(clerk())
    answer = browser.post(f"{SAVE}?status__exact=declined&q=deli&after=7", {"name": "Deli declines"})
    assert answer["Location"] == f"{LIST}?status__exact=declined&q=deli"
    assert SavedFilter.objects.get().query == "status__exact=declined&q=deli"
    assert names(browser) == ["Deli declines"]
    assert "status__exact=declined&amp;q=deli" in text_of(browser.get(LIST))


def test_the_same_name_again_replaces_it() -> None:
    browser = logged_in(clerk())
    for query in ("q=a", "q=b"):
        browser.post(f"{SAVE}?{query}", {"name": "Mine"})
    assert [each.query for each in SavedFilter.objects.all()] == ["q=b"]


def test_a_group_has_a_shared_filter_and_its_owner_deletes_it() -> None:
    owner, mate, other = clerk(), clerk(), clerk("risk")
    group = Group.objects.get(name="operations")
    browser = logged_in(owner)
    browser.post(f"{SAVE}?q=a", {"name": "Ours", "group": group.pk})
    browser.post(f"{SAVE}?q=a", {"name": "Mine"})
    shared = SavedFilter.objects.get(name="Ours")

    assert names(browser) == ["Mine", "Ours"]
    assert (names(logged_in(mate)), names(logged_in(other))) == (["Ours"], [])
    delete = reverse("desk:delete-filter", args=[shared.pk])
    assert logged_in(mate).post(delete).status_code == 404
    assert SavedFilter.objects.filter(pk=shared.pk).exists()
    assert browser.post(delete).status_code == 302
    assert browser.post(delete).status_code == 404
    assert names(browser) == ["Mine"]


def test_nobody_shares_with_a_group_of_others() -> None:
    browser = logged_in(clerk())
    browser.post(f"{SAVE}?q=a", {"name": "X", "group": Group.objects.get(name="risk").pk})
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    ("query", "name"), [("", "X"), ("?after=3", "X"), ("?q=a", ""), ("?q=a", "x" * 61), (f"?q={'a' * 600}", "X")]
)
def test_what_cannot_be_saved_is_refused_with_a_sentence(query: str, name: str) -> None:
    browser = logged_in(clerk())
    answer = browser.post(SAVE + query, {"name": name}, follow=True)
    assert "needs a name" in text_of(answer)
    assert not SavedFilter.objects.exists()


def test_a_person_has_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_filters, "MOST", 1)
    browser = logged_in(clerk())
    for name in ("A", "B"):
        answer = browser.post(f"{SAVE}?q=a", {"name": name}, follow=True)
    assert "Delete one first" in text_of(answer)
    assert names(browser) == ["A"]


def test_a_list_that_one_may_not_see_has_none() -> None:
    browser = logged_in(UserFactory(is_staff=True))
    assert browser.post(f"{SAVE}?q=a", {"name": "X"}).status_code == 403
    assert browser.post(reverse("desk:save-filter", args=["x", "y"]) + "?q=a", {"name": "X"}).status_code == 404
    assert not SavedFilter.objects.exists()
