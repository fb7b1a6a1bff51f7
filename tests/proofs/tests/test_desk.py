"""`make desk` names what is over its bound."""

import pytest
from django.core.management import CommandError, call_command

from tests.proofs.desk.addresses import Address
from tests.proofs.desk.asking import Answer, Bounds


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
