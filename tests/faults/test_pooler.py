"""Behind PgBouncer in transaction mode: everything works, nothing of one client reaches another."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection

from issuing.authorizations import unknown_commits
from issuing.handlers import dispatch
from issuing.models import Hold, IssuerEvent, VirtualCard
from issuing.reconcile.run import reconcile
from issuing.reconcile.window import Window
from onecard.environment import DATABASE_OPTIONS
from onecard.kit import clock
from onecard.kit.postgresql import base
from onecard.kit.postgresql.sessions import NoSessionError
from onecard.kit.transactions import transaction
from onecard.users.models import User
from tests.faults.connections import administrator, buy, failing_statement, on_a_fresh_connection
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.poolers import pooler, through
from tests.support.sandboxes import intended_charge, intents, processor_sandbox
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import Buyers, get, web_server
from wallet.charges import charge as charges
from wallet.ledger import check as ledger_check
from wallet.models import FundingCharge
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]


@pytest.fixture(params=["", "options"], ids=["parameters refused", "parameters ignored"])
def bouncer(request: pytest.FixtureRequest) -> Iterator[int]:
    """A pooler with fewer sessions than clients, so that each session serves them all."""
    base.pooled_places.clear()
    with pooler(ignored=request.param) as place:
        yield place
    base.pooled_places.clear()


def test_purchases_and_events_go_through_a_pooler(bouncer: int) -> None:
    card = walkthrough_card().issuer_card_id
    with through(bouncer):
        answers = [answer for each in at_once([lambda: [buy(card) for _ in range(8)]] * 6) for answer in each]
        asked = stripe_events.authorization_request(card=card)
        answers.append(stripe_events.post(asked).json())
        news = stripe_events.authorization_update(asked)
        assert stripe_events.post(news).json() == {"received": True}
        assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=news["id"]).pk) == "handled"
        assert connection.is_pooled  # type: ignore[attr-defined]
    approved = [answer for answer in answers if answer["approved"]]
    reasons = {answer["metadata"].get("onecard_reason") for answer in answers}
    assert len(approved) > len(answers) / 2
    assert reasons <= {None, "deadline_exceeded"}  # A busy machine may be late; nothing else may be wrong.
    assert unknown_commits.wait_until_resolved(20)
    assert Hold.objects.filter(status="placed").count() == len(approved)


def test_charges_and_refunds_go_through_a_pooler(bouncer: int) -> None:
    charge = intended_charge(purchase="authorization:5502")
    with processor_sandbox() as sandbox, through(bouncer):
        sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
        assert charges.charge(charge_id=charge.pk) == "unknown"
        FundingCharge.objects.update(next_attempt_at=clock.now())
        asked = at_once([lambda: charges.charge(charge_id=charge.pk)] * 4)
        assert "succeeded" in asked
        with transaction():
            refund = refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")
        assert refund_sending.refund(refund_id=refund.pk) == "succeeded"
        assert [intent["status"] for intent in intents(sandbox)] == ["succeeded"]
    assert ledger_check.check() == []


def test_the_limits_of_one_client_reach_no_other(bouncer: int) -> None:
    card = walkthrough_card().issuer_card_id
    with through(bouncer), administrator() as admin:
        at_once([lambda: [buy(card) for _ in range(4)]] * 4)
        with failing_statement(admin, table="issuing_journal", sqlstate="55P03"):
            at_once([lambda: buy(card)] * 4)

        def shown() -> list[str]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
                outside = cursor.fetchone()
                cursor.execute("SELECT count(*) FROM pg_prepared_statements")
                prepared = cursor.fetchone()
            with transaction(), connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
                return [*outside, *prepared, *cursor.fetchone()]

        assert at_once([shown] * 4) == [["0", "0", 0, "1min", "5s"]] * 4


def test_long_lists_and_pages_go_through_a_pooler(bouncer: int) -> None:
    walkthrough_card()
    User.objects.create_superuser("staff", password="long enough for anybody")
    with through(bouncer):
        assert [card.pk for card in VirtualCard.objects.iterator(chunk_size=1)] == [VirtualCard.objects.get().pk]
        with transaction():
            assert len(list(User.objects.iterator(chunk_size=1))) == 2
        client = logged_in(User.objects.get(username="staff"))
        for page in ("/admin/", "/admin/issuing/virtualcard/", "/admin/wallet/cardholder/", "/health/ready"):
            assert client.get(page).status_code == 200, page


def test_a_server_process_that_dies_behind_the_pooler_costs_no_purchase(bouncer: int) -> None:
    card = walkthrough_card().issuer_card_id
    with through(bouncer), administrator() as admin:

        def one_life() -> list[bool]:
            first = buy(card)["approved"]
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            return [first, buy(card)["approved"], buy(card)["approved"]]

        assert on_a_fresh_connection(one_life) == [True] * 3


def test_a_web_server_works_behind_a_pooler(bouncer: int) -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9).issuer_card_id
    name, user = connection.settings_dict["NAME"], connection.settings_dict["USER"]
    url = f"postgres://{user}@127.0.0.1:{bouncer}/{name}"
    # How soon it answers on a busy machine is not asked here.
    with web_server(DATABASE_URL=url, DECISION_DEADLINE_MS="1900") as port:
        assert get(port, "/admin/sign-in/") == 200
        with Buyers(port, card, a_second=15) as buyers:
            assert [get(port, "/admin/sign-in/") for _ in range(20)] == [200] * 20
    print(buyers.purchases.summary("behind a pooler"))
    assert not buyers.purchases.failures
    assert len(buyers.purchases.approved_ms) == len(buyers.purchases.answers_ms)


def test_a_comparison_says_that_it_needs_the_database_itself(bouncer: int, settings: Any) -> None:
    window = Window(clock.now(), clock.now(), clock.now())
    with through(bouncer), pytest.raises(NoSessionError, match="DATABASE_DIRECT_URL"):
        reconcile([], window)
    settings.DIRECT_DATABASE = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    with through(bouncer):
        assert reconcile([], window).rows == 0
        assert connection.settings_dict["PORT"] == str(bouncer)


@pytest.mark.parametrize("bouncer", [""], indirect=True)
def test_switched_off_the_pooler_is_an_error_that_names_it(bouncer: int) -> None:
    options = connection.settings_dict["OPTIONS"]
    with through(bouncer):
        usual, options["pooler"] = options.get("pooler"), "off"
        try:
            with pytest.raises(OperationalError, match="unsupported startup parameter"):
                connection.ensure_connection()
        finally:
            options["pooler"] = usual


def test_a_database_without_a_pooler_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", DATABASE_OPTIONS["options"])

    def one_life() -> tuple[bool, str]:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            return connection.is_pooled, cursor.fetchone()[0]  # type: ignore[attr-defined]

    assert on_a_fresh_connection(one_life) == (False, "5s")
