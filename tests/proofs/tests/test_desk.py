"""Every page of the back office over a filled database answers, by few statements and in few bytes; `make desk`."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.db import transaction

from onecard.kit import row_counts
from tests.proofs.desk import filling
from tests.proofs.desk.addresses import Address, addresses
from tests.proofs.desk.asking import Answer, Bounds, ask_all
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory

FEW, MORE = 1_000, 4_000
MOST_STATEMENTS = 70
# A page that begins at a day looks for its key by halves: four times the rows are two steps more for each end.
MORE_STATEMENTS = 6
MOST_KB = 300


@pytest.fixture
def _long_as_in_production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Some thousand rows are quickly counted and listed as a whole; a million are not."""
    monkeypatch.setattr(row_counts, "LONG_FROM", 0)
    monkeypatch.setattr(row_counts, "COUNTED_BELOW_COST", 0)
    row_counts.forget()
    yield
    row_counts.forget()


@pytest.mark.only_in_proofs
@pytest.mark.timeout(900)
@pytest.mark.django_db
@pytest.mark.usefixtures("_long_as_in_production")
def test_a_page_costs_as_many_statements_however_many_rows_there_are() -> None:
    with transaction.atomic():
        before = {each.address.name: each.queries for each in answers_over(FEW)}
        transaction.set_rollback(True)
    answers = answers_over(MORE)

    failed = [(each.address.url, each.status) for each in answers if each.status not in (200, 302, 403, 404, 405, 410)]
    assert failed == []
    shown = [each for each in answers if each.status == 200]
    lists = {each.address.name for each in shown if each.address.kind == "list"}
    assert lists == {model._meta.label for model in admin.site._registry}
    assert len(shown) > 200
    assert [(each.address.url, each.kb) for each in shown if each.kb > MOST_KB] == []
    assert [(each.address.url, each.queries) for each in shown if each.queries > MOST_STATEMENTS] == []
    grown = [(each.address.url, before[each.address.name], each.queries) for each in shown if grows(each, before)]
    assert grown == []


def grows(answer: Answer, before: dict[str, int]) -> bool:
    return answer.queries > before.get(answer.address.name, MOST_STATEMENTS) + MORE_STATEMENTS


def answers_over(purchases: int) -> list[Answer]:
    """Every list and page is asked, and one in five of the filters and searches."""
    row_counts.forget()
    filling.fill(purchases, lambda _label, _count: None)
    user = UserFactory(username=f"proof-{purchases}", is_staff=True, is_superuser=True)
    asked = list(addresses(user))
    wide = [each for each in asked if each.kind in ("list", "page")]
    narrow = [each for each in asked if each.kind in ("filter", "search")]
    assert narrow
    return list(ask_all(logged_in(user), [*wide, *narrow[::5]], times=1))


def test_what_is_over_a_bound_is_named() -> None:
    bounds = Bounds()
    quick = Answer(Address("search", "x", "/admin/"), 200, 299, 400, 3, 299, 1, "")
    slow = Answer(Address("search", "x", "/admin/"), 200, 301, 400, 3, 301, 1, "", scans=["audit_entry"])
    assert quick.problems(bounds) == []
    assert slow.problems(bounds) == ["reads as a whole audit_entry", "301 ms of 300", "301 kB of 300"]
    assert Answer(Address("page", "x", "/"), 500, 1, 1, 1, 1, 1, "").problems(bounds) == ["status 500"]


@pytest.mark.parametrize("asked", [["--purchases", "10"]])
def test_too_few_purchases_are_refused_before_anything_is_made(asked: list[str]) -> None:
    with pytest.raises(CommandError, match="at least 1000"):
        call_command("prove_desk", *asked)
