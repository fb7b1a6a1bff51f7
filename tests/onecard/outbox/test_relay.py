"""The relay loses and delays nothing; without a broker approvals go on (money-safety F7, F8, T6, T7)."""

import datetime as dt
import time
from collections.abc import Mapping

import pytest
from django.db import connections, transaction

from onecard.celery import SUBSCRIBERS
from onecard.kit import clock, log_context
from onecard.kit.transactions import TransactionError
from onecard.outbox import relay, services
from onecard.outbox.management.commands.relay import pause_s
from onecard.outbox.models import Message
from tests.support import stripe_events
from tests.support.brokers import publishing_to
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """Takes what it is given and remembers it; refuses what `refuses` names."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, object]]] = []
        self.refuses: set[int] = set()

    def publish(self, task: str, payload: Mapping[str, object]) -> None:
        if payload.get("charge_id") in self.refuses:
            raise ConnectionError("broker away")
        self.taken.append((task, dict(payload)))


def put(*charge_ids: int) -> None:
    with transaction.atomic():
        for charge_id in charge_ids:
            services.put(topic="funding.requested", charge_id=charge_id)


def test_each_message_goes_out_once_to_every_subscriber() -> None:
    put(1, 2)
    broker = Broker()

    assert [relay.relay_once(broker.publish, SUBSCRIBERS) for _ in range(2)] == [2, 0]

    assert broker.taken == [("wallet.tasks.charge_funding", {"charge_id": n}) for n in (1, 2)]


def test_the_cause_of_a_message_goes_beside_its_arguments() -> None:
    with log_context.fresh(request_id="r-12345678", authorization_id="iauth_1", customer_id="not carried"):
        put(1)
    put(2)
    published = []

    def publish(_task: str, arguments: Mapping[str, object]) -> None:
        published.append((dict(arguments), log_context.carried()))

    relay.relay_once(publish, SUBSCRIBERS)

    assert published == [
        ({"charge_id": 1}, {"request_id": "r-12345678", "authorization_id": "iauth_1"}),
        ({"charge_id": 2}, {}),
    ]


def test_a_message_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionError):
        services.put(topic="funding.requested", charge_id=1)
    assert not Message.objects.exists()


def test_what_the_broker_does_not_take_waits_and_goes_out_later() -> None:
    put(1, 2, 3)
    broker = Broker()
    broker.refuses = {2}

    with pytest.raises(relay.BrokerAwayError):
        relay.relay_once(broker.publish, SUBSCRIBERS)
    broker.refuses = set()
    assert relay.relay_once(broker.publish, SUBSCRIBERS) == 2

    # The one that failed comes after those that had not been tried.
    assert [payload["charge_id"] for _, payload in broker.taken] == [1, 3, 2]


def test_a_slow_broker_gets_the_rest_in_the_next_round_and_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "BATCH_S", 0.05)
    put(*range(6))
    broker = Broker()

    def slowly(task: str, payload: Mapping[str, object]) -> None:
        time.sleep(0.03)
        broker.publish(task, payload)

    first = relay.relay_once(slowly, SUBSCRIBERS)
    assert 1 <= first < 6
    assert Message.objects.filter(published_at=None, claimed_until=None, attempts=0).count() == 6 - first
    while relay.relay_once(slowly, SUBSCRIBERS):
        pass
    assert [payload["charge_id"] for _, payload in broker.taken] == list(range(6))


def test_a_topic_nobody_knows_is_kept_and_holds_up_nobody() -> None:
    with transaction.atomic():
        services.put(topic="from.a.newer.release", id=1)
    put(1)
    broker = Broker()

    assert relay.relay_once(broker.publish, SUBSCRIBERS) == 1

    assert Message.objects.get(published_at=None).topic == "from.a.newer.release"


def test_a_relay_that_dies_with_its_claim_loses_nothing_but_time() -> None:
    put(1)

    def die(_task: str, _payload: Mapping[str, object]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relay.relay_once(die, SUBSCRIBERS)
    broker = Broker()
    assert relay.relay_once(broker.publish, SUBSCRIBERS) == 0
    Message.objects.update(claimed_until=clock.now() - dt.timedelta(seconds=1))

    assert relay.relay_once(broker.publish, SUBSCRIBERS) == 1


def test_relays_side_by_side_share_the_work() -> None:
    put(*range(200))
    brokers = [Broker() for _ in range(4)]

    at_once([lambda broker=broker: relay.relay_once(broker.publish, SUBSCRIBERS) for broker in brokers])

    sent = sorted(payload["charge_id"] for broker in brokers for _, payload in broker.taken)
    assert sent == list(range(200))


def test_a_slow_transaction_is_not_skipped() -> None:
    """Ids are given at insert, not at commit: a later id may be visible first (money-safety T7)."""
    broker = Broker()
    other = connections.create_connection("default")
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_message (topic, payload, created_at, attempts) "
            "VALUES ('funding.requested', '{\"charge_id\": 1}', now(), 0)"
        )
        put(2)
        assert relay.relay_once(broker.publish, SUBSCRIBERS) == 1
        other.commit()
    other.close()

    assert relay.relay_once(broker.publish, SUBSCRIBERS) == 1
    assert [payload["charge_id"] for _, payload in broker.taken] == [2, 1]


def test_without_a_broker_approvals_go_on_and_their_messages_wait() -> None:
    card = walkthrough_card()
    started = time.perf_counter()
    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id))
    elapsed_s = time.perf_counter() - started

    assert response.json()["approved"] is True
    assert elapsed_s < 1, "no broker call stands on the decision's path"
    with publishing_to("redis://127.0.0.1:1/0") as publish, pytest.raises(relay.BrokerAwayError):
        relay.relay_once(publish, SUBSCRIBERS)
    assert Message.objects.get().published_at is None
    assert FundingCharge.objects.get().status == "intended"


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0.05), (1, 0.1), (6, 3.2), (7, 5.0), (1024, 5.0), (10**6, 5.0)])
def test_a_relay_waits_longer_with_each_failed_round_and_never_gives_up(failures: int, seconds: float) -> None:
    assert pause_s(50, failures) == pytest.approx(seconds)


def test_only_published_messages_are_deleted_after_a_week() -> None:
    put(1, 2)
    old = clock.now() - dt.timedelta(days=8)
    Message.objects.update(created_at=old)
    Message.objects.filter(payload__charge_id=1).update(published_at=old)

    assert relay.forget_published() == 1
    assert Message.objects.get().payload == {"charge_id": 2}


def test_one_message_that_nobody_takes_holds_up_none_of_the_others() -> None:
    put(1, 2, 3)
    broker = Broker()
    broker.refuses = {1}
    for _ in range(3):
        with pytest.raises(relay.BrokerAwayError):
            relay.relay_once(broker.publish, SUBSCRIBERS)

    assert [payload["charge_id"] for _, payload in broker.taken] == [2, 3]
    assert Message.objects.get(published_at=None).payload == {"charge_id": 1}
