"""Handing a dispute to its issuer: once, over real HTTP, whatever is lost on the way. Money comes by events only."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import requests as requests_
import stripe
from django.conf import settings

from audit.models import Entry
from issuing.disputes import requests, submission
from issuing.handlers import dispatch
from issuing.inbox import deliveries as inbox
from issuing.issuers import errors
from issuing.issuers.base import RefusedError
from issuing.issuers.disputes import DisputeOrder
from issuing.issuers.messages import Envelope
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import CardTransaction, Dispute, DisputeRequest
from onecard.kit import clock
from onecard.kit.attempts import ATTEMPTS_BEFORE_CASE
from onecard.kit.money import Money
from onecard.kit.transactions import TransactionError, transaction
from tests.issuing.disputes.captured import WORDS, accepted, asked, at_issuer, captured_purchase, disputes_at
from tests.issuing.issuers.worlds import World, all_of, new_key, sandbox_for_issuers, world_of
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings
from wallet.models import Case

pytestmark = pytest.mark.django_db
LATER = dt.timedelta(minutes=10)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture(params=["stripe", "marqeta"])
def world(request: pytest.FixtureRequest, served: RunningSandbox) -> World:
    served.reset()
    return world_of(request.param, served)


class DiesAfter:
    """An issuer whose caller dies when one call is done, before it can record anything."""

    def __init__(self, issuer: Any, method: str) -> None:
        self.issuer, self.method = issuer, method

    def __getattr__(self, name: str) -> Any:
        work = getattr(self.issuer, name)

        def run(*args: Any, **more: Any) -> Any:
            done = work(*args, **more)
            if name == self.method:
                raise KeyboardInterrupt
            return done

        return run


def order(capture: CardTransaction, minor: int = 4500) -> DisputeOrder:
    return DisputeOrder(capture.issuer_transaction_id, "not_received", WORDS, Money(minor, "USD"))


def test_an_accepted_request_is_at_its_issuer(world: World, served: RunningSandbox) -> None:
    capture = at_issuer(world)
    request = accepted(capture)

    assert submission.carry_out(request_id=request.pk, issuer=world.issuer) == "submitted"

    (theirs,) = disputes_at(served, world.issuer.provider)
    dispute = Dispute.objects.get()
    request.refresh_from_db()
    assert (request.dispute, request.failure_message, request.next_attempt_at) == (dispute, "", None)
    assert dispute.issuer_dispute_id in (theirs.get("id"), theirs.get("token"))
    assert (dispute.status, dispute.amount_minor, dispute.transaction) == ("submitted", 4500, capture)
    assert WORDS in str(theirs)
    assert CardTransaction.objects.count() == 1
    assert list(Case.objects.filter(status="open").values_list("kind", flat=True)) == ["dispute"]
    assert Entry.objects.filter(action="dispute_request.submitted").count() == 1


@pytest.mark.parametrize("method", ["open_dispute", "submit_dispute"])
def test_a_worker_that_dies_after_a_call_leaves_one_dispute(world: World, served: RunningSandbox, method: str) -> None:
    request = accepted(at_issuer(world))
    with pytest.raises(KeyboardInterrupt):
        submission.carry_out(request_id=request.pk, issuer=DiesAfter(world.issuer, method))  # type: ignore[arg-type]
    assert submission.carry_out(request_id=request.pk, issuer=world.issuer) == "sending"
    DisputeRequest.objects.update(claimed_until=clock.now() - LATER, next_attempt_at=clock.now() - LATER)

    assert submission.sweep(issuer=world.issuer) == 1

    assert DisputeRequest.objects.get().status == "submitted"
    assert len(disputes_at(served, world.issuer.provider)) == Dispute.objects.count() == 1


def test_the_same_key_begins_one_dispute_and_another_is_refused(world: World, served: RunningSandbox) -> None:
    capture, key = at_issuer(world), new_key()
    first = world.issuer.open_dispute(order(capture), key=key)
    again = world.issuer.open_dispute(order(capture), key=key)
    assert first.id == again.id

    with pytest.raises(RefusedError):
        world.issuer.open_dispute(order(capture), key=new_key())
    assert len(disputes_at(served, world.issuer.provider)) == 1
    submitted = world.issuer.submit_dispute(first.id, key=key)
    assert world.issuer.submit_dispute(first.id, key=key) == submitted
    assert submitted.status == "submitted"


def test_too_much_and_what_was_never_captured_are_refused(world: World, served: RunningSandbox) -> None:
    capture = at_issuer(world)
    for wrong in (order(capture, 4501), order(CardTransaction(issuer_transaction_id=new_key()))):
        with pytest.raises(RefusedError):
            world.issuer.open_dispute(wrong, key=new_key())
    assert disputes_at(served, world.issuer.provider) == []


def test_what_the_issuer_refuses_ends_with_a_case(world: World) -> None:
    request = accepted(captured_purchase(provider=world.issuer.provider))

    assert submission.carry_out(request_id=request.pk, issuer=world.issuer) == "rejected"

    request.refresh_from_db()
    assert request.failure_message
    assert request.refusal == submission.REJECTED
    assert Dispute.objects.count() == 0
    assert list(Case.objects.filter(status="open").values_list("kind", flat=True)) == ["dispute_not_sent"]


def test_an_issuer_that_is_away_is_asked_again_and_then_a_person_is_told() -> None:
    request, issuer = accepted(captured_purchase(provider="mock")), MockIssuer()
    issuer.fail(Failure("open_dispute", errors.no_answer, times=ATTEMPTS_BEFORE_CASE, after=True))
    for _ in range(ATTEMPTS_BEFORE_CASE):
        assert submission.carry_out(request_id=request.pk, issuer=issuer) == "accepted"
        DisputeRequest.objects.update(next_attempt_at=clock.now())
    assert Case.objects.filter(kind="dispute_not_sent", status="open").count() == 1

    assert submission.carry_out(request_id=request.pk, issuer=issuer) == "submitted"

    assert Case.objects.filter(kind="dispute_not_sent", status="open").count() == 0
    assert len(issuer.disputes) == 1


def test_nothing_is_asked_inside_a_transaction() -> None:
    request, issuer = accepted(captured_purchase(provider="mock")), MockIssuer()
    with pytest.raises(TransactionError), transaction():
        submission.carry_out(request_id=request.pk, issuer=issuer)
    assert issuer.calls == []


def test_a_case_reminds_before_the_time_is_over() -> None:
    now = clock.now()
    soon = asked(captured_purchase(at=now - dt.timedelta(days=100)))
    asked(captured_purchase())
    accepted(captured_purchase(at=now - dt.timedelta(days=100)))

    assert submission.remind() == submission.remind() == 2

    due = Case.objects.filter(kind="dispute_due", status="open")
    assert due.count() == 2
    requests.refuse(request=soon, reason="The shop has refunded it.", actor="user:1")
    assert not due.filter(reference=soon.reference).exists()


def test_the_issuers_own_events_are_of_it_and_move_money_once(world: World, served: RunningSandbox) -> None:
    request = accepted(at_issuer(world))
    began = clock.now() - dt.timedelta(minutes=1)
    submission.carry_out(request_id=request.pk, issuer=world.issuer)
    _win(world, served)
    for _ in range(2):
        for event in reversed(all_of(lambda cursor: _events(world, began, cursor))[0]):
            envelope = Envelope(event.event_id, event.event_type, event.object_id, {})
            inbox.receive(world.issuer.provider, envelope, event.body)
    dispatch.sweep(now=clock.now() + LATER)

    dispute = Dispute.objects.get()
    assert (dispute.request, dispute.status) == (request, "won")
    (back,) = CardTransaction.objects.filter(transaction_type="chargeback")
    assert (back.amount_minor, back.authorization) == (4500, request.authorization)
    assert Case.objects.filter(kind="dispute", status="open").count() == 0


def _events(world: World, since: dt.datetime, cursor: str) -> tuple[tuple[Any, ...], str]:
    page = world.issuer.list_events(since=since, cursor=cursor)
    return tuple(event for event in page.events if "dispute" in event.event_type or "chargeback" in event.event_type), (
        page.cursor
    )


def _win(world: World, served: RunningSandbox) -> None:
    (dispute,) = disputes_at(served, world.issuer.provider)
    if world.issuer.provider == "stripe":
        client = stripe.StripeClient(settings.STRIPE_API_KEY, base_addresses={"api": served.url})
        client.raw_request("post", f"/v1/test_helpers/issuing/disputes/{dispute['id']}/win")
        return
    program = MarqetaSettings()
    requests_.post(
        f"{served.url}/v3/simulations/cardtransactions/authorization.clearing.chargeback.completed",
        json={"preceding_related_transaction_token": dispute["transaction_token"], "amount": 45},
        auth=(program.application_token, program.admin_access_token),
        timeout=10,
    ).raise_for_status()
