"""Too much to do: logins, more purchases than can be decided, a silent database. Every answer comes in time.

By itself each lasts a few seconds, and longer in `make proofs`.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import make_password

from issuing import journal
from issuing.models import Decision, Hold
from onecard.dev.ports import HOST
from tests.faults.slow_clients import ISSUER_LIMIT_MS, assert_all_in_time
from tests.support.factories import UserFactory
from tests.support.lengths import length
from tests.support.relays import database_relay
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import DEADLINE_MS, Buyers, get, web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]

RICH = {"daily_limit_minor": 10**9, "monthly_limit_minor": 10**9}
LOGINS = 24
LOGINS_S = length("BUSY_LOGINS_S", short=2, whole=5)
RUSH_S = length("BUSY_RUSH_S", short=3, whole=10)
SILENCE_S = length("BUSY_SILENCE_S", short=3, whole=5)


@contextmanager
def wrong_logins(port: int) -> Iterator[list[int]]:
    """So many people who try wrong passwords, all the time, each with a genuine form."""
    done, statuses = threading.Event(), []

    def guess(number: int) -> None:
        while not done.is_set():
            client = HTTPConnection(HOST, port, timeout=30)
            try:
                client.request("GET", "/admin/sign-in/")
                answer = client.getresponse()
                answer.read()
                cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
                token = cookie.partition("=")[2]
                form = {"login": "staff", "password": f"wrong{number}", "csrfmiddlewaretoken": token}
                headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
                client.request("POST", "/admin/sign-in/", urlencode(form), headers)
                answer = client.getresponse()
                answer.read()
                statuses.append(answer.status)
            except (OSError, HTTPException):
                continue
            finally:
                client.close()

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(LOGINS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join(30)


def test_wrong_logins_slow_no_purchase_down() -> None:
    card = walkthrough_card(**RICH).issuer_card_id
    UserFactory(username="staff", password=make_password("right"), is_staff=True)
    with web_server() as port:
        with wrong_logins(port) as statuses, Buyers(port, card, a_second=10) as buyers:
            time.sleep(LOGINS_S)
        assert_all_in_time(buyers.purchases, f"{LOGINS} wrong logins at once")
    print(f"{len(statuses)} logins were answered meanwhile")
    assert len(statuses) > 5


def test_a_process_serves_its_role_only() -> None:
    doors, desk = "/api/webhooks/marqeta", "/admin/sign-in/"
    for role, served, closed in (("doors", doors, desk), ("desk", desk, doors)):
        with web_server(ONECARD_ROLE=role) as port:
            assert get(port, served) in (200, 405)
            assert get(port, closed) == 404
            assert get(port, "/health/live") == 200


def test_more_purchases_than_can_be_decided_are_declined_in_time() -> None:
    """They are shed, so that nothing is approved once its issuer has given up, and some are always decided."""
    card = walkthrough_card(**RICH).issuer_card_id
    with web_server() as port, Buyers(port, card, a_second=150) as buyers:
        time.sleep(RUSH_S)
    purchases = buyers.purchases
    print(purchases.summary("150 purchases a second on one card"))
    assert not purchases.failures
    assert purchases.approved_ms
    assert max(purchases.approved_ms) < ISSUER_LIMIT_MS
    assert_only_told_approvals_stand(len(purchases.approved_ms))


def test_a_silent_database_under_load_is_answered_for_in_time() -> None:
    card = walkthrough_card(**RICH).issuer_card_id
    with database_relay() as relay, web_server(DATABASE_URL=relay.database_url) as port:
        with Buyers(port, card, a_second=40) as buyers:
            time.sleep(2)
            with relay.silent():
                time.sleep(SILENCE_S)
            time.sleep(2)
        purchases = buyers.purchases
        print(purchases.summary(f"a database silent for {SILENCE_S} seconds"))
        assert not purchases.failures
        assert max(purchases.answers_ms) < ISSUER_LIMIT_MS
        assert max(purchases.approved_ms) < DEADLINE_MS * 1.2
        assert len(purchases.approved_ms) > 40
        assert_only_told_approvals_stand(len(purchases.approved_ms))


def assert_only_told_approvals_stand(told: int) -> None:
    """What was committed beyond the approvals that were answered is taken back in the background."""
    # The server has ended, so what it had not written out is the relay's.
    journal.write_all()
    until = time.monotonic() + 20
    while (standing := Hold.objects.filter(status="placed").count()) > told and time.monotonic() < until:
        time.sleep(0.2)
    assert standing == told
    assert Decision.objects.filter(approved=True, corrected_by=None).count() == told
