"""What people and machines do in a killed flow: what was before, what the process does, and what the world does next.

An issuer that got no answer sends its news again; nobody is told what became of the process that died.
"""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from issuing.authorizations import close_out
from issuing.billing import top_ups
from issuing.handlers import dispatch
from issuing.models import Authorization, CardFunding, IssuerEvent, VirtualCard
from issuing.reconcile import nightly
from issuing.reconcile.comparisons import Comparison
from issuing.reconcile.run import reconcile
from issuing.reconcile.window import window
from issuing.rewards import sweep as rewards_sweep
from onecard.celery import SUBSCRIBERS
from onecard.kit.money import Money
from onecard.outbox.relay import relay_once
from tests.faults.kill_checks import End
from tests.faults.kill_world import (
    World,
    deliver_what_the_broker_has,
    forget_what_the_broker_has,
    pass_time,
    turn,
    work_off,
)
from tests.faults.kills import Death, Say
from tests.support import marqeta_events, stripe_events
from tests.support.brokers import publishing_to
from tests.support.purchases import transaction_event, update_event
from tests.support.sandboxes import CITI
from wallet.models import FundingCharge, FundingMethod, FundingRefund, Posting
from wallet.processors.stripe.client import stripe_client

INTENTS, REFUNDS = "/v1/payment_intents", "/v1/refunds"
SOON = dt.timedelta(minutes=2)


def asked_at_stripe(world: World) -> None:
    world.kept["asked"] = stripe_events.authorization_request(card=world.cards["stripe"].issuer_card_id)


def asked_at_marqeta(world: World) -> None:
    world.kept["asked"] = marqeta_events.gateway_request(card=world.cards["marqeta"].issuer_card_id)


def decide(world: World, say: Say) -> None:
    say(answer_of(world))


def answer_of(world: World) -> bytes:
    asked = world.kept["asked"]
    response = marqeta_events.ask(asked) if "jit_funding" in str(asked) else stripe_events.post(asked)
    answer: bytes = response.content
    return answer


def asks_again(world: World, death: Death) -> None:
    """The same question gets the same bytes, whether the first answer ever left or not; then its news comes."""
    answers = {*death.said, answer_of(world), answer_of(world)}
    assert len(answers) == 1, answers
    tell_approved(world)


def tell_approved(world: World) -> None:
    asked = world.kept["asked"]
    if "jit_funding" in str(asked):
        report(marqeta_events.outcome(asked))
    else:
        stripe_events.post(stripe_events.authorization_update(asked))


def gives_up(world: World, death: Death) -> None:
    """An issuer without an answer declines by itself and says so."""
    asked = world.kept["asked"]
    if death.said:
        tell_approved(world)
    elif "jit_funding" in str(asked):
        report(marqeta_events.outcome(asked, state="DECLINED", timed_out=True))
    else:
        history = [{"approved": False, "reason": "webhook_timeout", "amount": 4500}]
        refused = {"approved": False, "amount": 0, "status": "closed", "request_history": history}
        stripe_events.post(stripe_events.authorization_update(asked, **refused))


def report(row: dict[str, Any]) -> Any:
    return marqeta_events.report({"transactions": [row]})


def deliver(row: dict[str, Any]) -> Any:
    """Whichever issuer's it is."""
    return report(row) if "jit_funding" in str(row) else stripe_events.post(row)


def bought(world: World) -> None:
    """Approved and answered; the charge is only a message yet."""
    asked_at_stripe(world)
    assert b'"approved": true' in answer_of(world)


def charged(world: World) -> None:
    """The processor has said yes; nothing that comes by the clock has happened."""
    bought(world)
    work_off()


def paid(world: World) -> None:
    bought(world)
    turn()


def captured(world: World) -> None:
    paid(world)
    for told in (transaction_event(world.kept["asked"], 4500), update_event(world.kept["asked"], "closed")):
        stripe_events.post(told)
    turn()


def bought_at_marqeta(world: World) -> None:
    asked_at_marqeta(world)
    answer_of(world)
    report(marqeta_events.outcome(world.kept["asked"]))
    turn()


def cleared(cents: int, **more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda asked: marqeta_events.later(asked, "authorization.clearing", amount=Decimal(cents) / 100, **more)


def reversed_at_marqeta(asked: dict[str, Any]) -> dict[str, Any]:
    return marqeta_events.later(asked, "authorization.reversal", state="CLEARED", method="pgfs.authorization.reversal")


def queue(_world: World, _say: Say) -> None:
    work_off()


def misbehave(do: str, path: str = INTENTS, **more: Any) -> Callable[[World], object]:
    return lambda world: world.sandbox.order(method="POST", path=path, do=do, **more)


def until_known(_world: World, _say: Say) -> None:
    """The answer is lost; the same worker tries again when that is due."""
    work_off()
    pass_time(SOON)
    turn()


def card_is_frozen(world: World, _death: Death) -> End:
    theirs = stripe_client().v1.issuing.cards.retrieve(world.cards["stripe"].issuer_card_id)
    ours = VirtualCard.objects.get(pk=world.cards["stripe"].pk)
    assert (theirs.status, ours.status) == ("inactive", "frozen")
    assert 1 <= world.letters <= 2, "a letter is sent again only when its sender died on it"
    return End("approved", paid=0, spent=4500, cases=("receivable",), charges=0)


def to_be_given_back(world: World) -> None:
    paid(world)
    stripe_events.post(update_event(world.kept["asked"], "reversed"))
    dispatch.handle(event_pk=IssuerEvent.objects.get(status="received").pk)
    assert FundingRefund.objects.get().status == "intended"


def closed_for_less(world: World) -> None:
    paid(world)
    for each in (transaction_event(world.kept["asked"], 3000), update_event(world.kept["asked"], "closed")):
        stripe_events.post(each)
    turn()
    assert Authorization.objects.get().settle_due_at is not None


def settle(_world: World, _say: Say) -> None:
    close_out.sweep()
    work_off()


def book_rewards(_world: World, _say: Say) -> None:
    rewards_sweep.sweep()


def publish_for_real(_world: World, _say: Say) -> None:
    with publishing_to(settings.REDIS_URL) as to_the_broker:
        relay_once(to_the_broker, SUBSCRIBERS)


def broker_keeps_or_loses(_world: World, death: Death) -> None:
    """Every other time the broker has lost all that it was given."""
    if len(death.steps) % 2:
        forget_what_the_broker_has()
    deliver_what_the_broker_has()


def fund(world: World, say: Say) -> None:
    wish = top_ups.fund_card(
        card=VirtualCard.objects.get(pk=world.cards["stripe"].pk),
        amount=Money(2500, "USD"),
        source=FundingMethod.objects.get(processor_method_id=CITI),
        requested_by="user:1",
        request_key="the-one-request",
    )
    say(wish.status.encode())


def asks_for_funding_again(world: World, death: Death) -> None:
    """Whoever got no answer asks again with the same key."""
    if not death.said:
        fund(world, lambda _said: None)


def funded(_world: World, _death: Death) -> End:
    assert CardFunding.objects.get().status == "credited"
    return End("", paid=2500, spent=0, on_card=2500)


def not_funded(_world: World, _death: Death) -> End:
    assert CardFunding.objects.get().status == "failed"
    return End("", paid=0, spent=0, charges=0)


def books_differ(world: World) -> None:
    """A charge whose answer is lost, and a capture of which no webhook told us."""
    misbehave("drop_answer")(world)
    bought(world)
    work_off()
    assert FundingCharge.objects.get().status == "unknown"
    captured_unheard(world)


def captured_unheard(world: World) -> None:
    """The issuer has it in its list, and sent no webhook."""
    made = stripe_client().v1.test_helpers.issuing.transactions.create_force_capture(
        {"card": world.cards["stripe"].issuer_card_id, "amount": 4500, "merchant_data": {"name": "Starbucks Coffee"}}
    )
    purchase = Authorization.objects.get().issuer_authorization_id
    world.sandbox.state.objects["issuing.transaction"][made.id]["authorization"] = purchase


def ledger_differs(world: World) -> None:
    """Somebody's mistake took a posting out of the ledger."""
    captured(world)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        Posting.objects.filter(key__startswith="charge:").delete()


def repair(_world: World, _say: Say) -> None:
    # Whole balances are left out: what this world's issuer has from the beginning is in nobody's books.
    sides = [each for each in nightly.taking_part() if each.provider != "marqeta" and not _is_whole_balance(each)]
    reconcile(sides, window(), fix=True)


def _is_whole_balance(comparison: Comparison) -> bool:
    return comparison.name in ("at_the_processor", "at_the_issuer")


def repairs_again(world: World, _death: Death) -> None:
    """Whoever ran the command runs it again; then nothing differs any more."""
    repair(world, lambda _said: None)
