"""The worker dies at every statement, and between the processor's yes and our commit (money-safety F4, F5, F9)."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from audit.models import Entry
from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import intended_charge, intents, processor_sandbox
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.processors.stripe.client import StripeProcessor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


class Death(BaseException):
    """The process ends here: nothing after this line happens, and no handler of ours runs on purpose."""


class Mortal:
    """Dies before its n-th act: a statement to the database, or a step of the call to the processor."""

    def __init__(self, n: int) -> None:
        self.left = n

    def act(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Death

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.act()
        return execute(sql, params, many, context)

    def charge(self, order: Any) -> Any:
        self.act()
        outcome = StripeProcessor().charge(order)
        self.act()
        return outcome

    def find(self, order: Any) -> Any:
        return StripeProcessor().find(order)


def dies(charge: FundingCharge, n: int) -> bool:
    mortal = Mortal(n)
    try:
        with connection.execute_wrapper(mortal.statement):
            charges.charge(charge_id=charge.pk, processor=mortal)
    except Death:
        return True
    finally:
        connection.close()  # What was not committed is gone with the process.
    return False


def test_a_death_at_any_step_ends_in_one_charge_and_balanced_records(sandbox: RunningSandbox) -> None:
    steps = 0
    for n in range(1, 60):
        charge = fresh_charge(sandbox)
        died = dies(charge, n)
        recover(charge)
        check(charge, sandbox)
        if not died:
            break
        steps += 1
    print(f"{steps} steps at which it died")
    assert steps > 8


def fresh_charge(sandbox: RunningSandbox) -> FundingCharge:
    FundingCharge.objects.all().delete()
    FundingObligation.objects.all().delete()
    FundingMethod.objects.all().delete()
    sandbox.reset()
    return intended_charge()


def recover(charge: FundingCharge) -> None:
    """Time passes: claims of the dead run out, and the sweeper comes by."""
    past = clock.now() - dt.timedelta(minutes=10)
    FundingCharge.objects.filter(claimed_until__isnull=False).update(claimed_until=past)
    FundingCharge.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)
    charges.sweep()


def check(charge: FundingCharge, sandbox: RunningSandbox) -> None:
    charge.refresh_from_db()
    assert (charge.status, charge.obligation.status) == ("succeeded", "funded")
    (intent,) = intents(sandbox)
    assert intent["id"] == charge.processor_charge_id
    assert Entry.objects.filter(action="charge.succeeded", subject_id=str(charge.pk)).count() == 1
    assert not Case.objects.exists()


@pytest.mark.only_in_proofs
def test_a_worker_killed_before_it_commits_a_success_leaves_one_charge(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="hold_answer")
    worker = start_worker(charge, sandbox)
    wait_until(lambda: len(intents(sandbox)) == 1)

    worker.send_signal(signal.SIGKILL)
    worker.wait(timeout=10)
    sandbox.release()

    charge.refresh_from_db()
    assert charge.status == "sending", "its death left a trace"
    recover(charge)
    check(charge, sandbox)


def start_worker(charge: FundingCharge, sandbox: RunningSandbox) -> subprocess.Popen[bytes]:
    """A real process with its own interpreter, connection and client, on the test's database."""
    settings = connection.settings_dict
    code = (
        "import django; django.setup(); from django.conf import settings;"
        f"settings.DATABASES['default']['NAME'] = {settings['NAME']!r};"
        f"from wallet.charges import charge as charges; charges.charge(charge_id={charge.pk})"
    )
    environment = os.environ | {"STRIPE_API_BASE": sandbox.url, "DJANGO_SETTINGS_MODULE": "onecard.settings"}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


def wait_until(holds: Any, *, timeout_s: float = 20) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
