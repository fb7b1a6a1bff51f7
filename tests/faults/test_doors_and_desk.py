"""Doors and desk as processes of their own, as docs/deployment.md tells: attacks on the desk slow no purchase down."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import make_password

from onecard.dev.ports import HOST
from tests.faults.slow_clients import assert_all_in_time
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import Buyers, web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]

GUESSERS = 24
ATTACK_S = 2.0


@contextmanager
def guessing(port: int) -> Iterator[list[int]]:
    """So many people who try wrong passwords all the time; yields the answers' statuses.

    Each try is for another name, real or not, and from another address, so that no limit ends it before it is hashed.
    """
    done, numbers, statuses = threading.Event(), itertools.count(), list[int]()

    def go_on() -> None:
        while not done.is_set():
            client = HTTPConnection(HOST, port, timeout=30)
            try:
                statuses.append(_try(client, next(numbers)))
            except (OSError, HTTPException):
                continue
            finally:
                client.close()

    threads = [threading.Thread(target=go_on) for _ in range(GUESSERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join(30)


def _try(client: HTTPConnection, number: int) -> int:
    token, name = "t" * 32, f"staff{number % (2 * GUESSERS)}"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={token}",
        "X-Forwarded-For": f"10.1.{number // 250 % 250}.{number % 250}",
    }
    form = {"login": name, "password": "a wrong pass phrase", "csrfmiddlewaretoken": token}
    client.request("POST", "/admin/sign-in/", urlencode(form), headers)
    answer = client.getresponse()
    answer.read()
    return answer.status


def test_guesses_at_the_desk_slow_no_purchase_at_the_doors_down() -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9).issuer_card_id
    right = make_password("the right pass phrase")
    for number in range(GUESSERS):
        UserFactory(username=f"staff{number}", password=right, is_staff=True)
    desk = {"ONECARD_ROLE": "desk", "TRUSTED_PROXY_COUNT": "1"}
    with web_server(ONECARD_ROLE="doors") as doors_port, web_server(**desk) as desk_port:
        with guessing(desk_port) as statuses, Buyers(doors_port, card, a_second=10) as buyers:
            threading.Event().wait(ATTACK_S)
        print(f"{len(statuses)} guesses were answered meanwhile")
        assert_all_in_time(buyers.purchases, f"{GUESSERS} guesses at once at the desk")
        assert set(statuses) == {200}, "they were hashed, and not turned away"
