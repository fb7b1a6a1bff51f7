"""Dispute requests by several people and workers at once, with real threads: one of each, and none is lost."""

from functools import partial
from typing import Any

import pytest

from issuing.disputes import requests, submission
from issuing.disputes.request_errors import DisputeRefusedError
from issuing.issuers.mock import MockIssuer
from issuing.models import Dispute, DisputeRequest
from tests.issuing.disputes.captured import accepted, asked, captured_purchase
from tests.support.threads import at_once
from wallet.models import Case

pytestmark = pytest.mark.django_db(transaction=True)


def tried(call: Any) -> str:
    try:
        call()
    except DisputeRefusedError as error:
        return error.code
    return "done"


def test_one_of_many_opens_the_dispute() -> None:
    capture = captured_purchase()

    outcomes = at_once([partial(tried, partial(asked, capture))] * 8)

    assert sorted(outcomes) == ["dispute_open"] * 7 + ["done"]
    assert DisputeRequest.objects.count() == Case.objects.count() == 1


def test_what_staff_submit_is_not_withdrawn_and_the_other_way_round() -> None:
    request = asked(captured_purchase())
    submit = partial(requests.accept, request=request, amount=request.money, reason="other", actor="user:1")
    withdraw = partial(requests.withdraw, request=DisputeRequest.objects.get(), actor="user:2")

    outcomes = at_once([partial(tried, submit), partial(tried, withdraw)])

    assert sorted(outcomes) == ["dispute_not_open", "done"]
    assert DisputeRequest.objects.get().status == ("accepted" if outcomes[0] == "done" else "withdrawn")


def test_many_workers_submit_one_dispute() -> None:
    request, issuer = accepted(captured_purchase(provider="mock")), MockIssuer()

    at_once([partial(submission.carry_out, request_id=request.pk, issuer=issuer)] * 8)

    assert issuer.calls == ["open_dispute", "submit_dispute"]
    assert DisputeRequest.objects.get().status == "submitted"
    assert Dispute.objects.count() == 1
