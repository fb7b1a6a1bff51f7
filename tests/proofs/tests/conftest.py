"""A world of people with cards at both issuers, for the proofs' own tests: all in one process, over real HTTP."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from django.conf import settings
from django.test import override_settings

from onecard.kit import clock
from tests.journeys.conftest import our_program
from tests.proofs.purchases.count import Count, count
from tests.proofs.purchases.http import SandboxHttp
from tests.proofs.purchases.lives import Step, life
from tests.proofs.purchases.network import begin
from tests.proofs.purchases.people import Shopper, make_people
from tests.proofs.purchases.quiet import LATER, SOON, Mending, compare_with_issuers, live_on, reconcile_twice
from tests.proofs.purchases.truth import read_truth
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import processor_sandbox

SEED = 11


@dataclass(frozen=True)
class World:
    http: SandboxHttp
    people: list[Shopper]
    sandbox: RunningSandbox

    def counted(self) -> Count:
        return count(read_truth(self.http))

    def live(self, shopper: Shopper, *steps: Step, number: int = 1) -> None:
        """One purchase, and all that our side makes of it."""
        purchase = begin(self.http, shopper, replace(life(0, seed=SEED, buyers=1), steps=steps), number)
        while not purchase.is_over:
            purchase.go_on()
        self.settle()

    def settle(self) -> Mending:
        mending = Mending()
        live_on(mending, SOON)
        with clock.ahead(SOON[-1]):
            compare_with_issuers(mending)
        live_on(mending, LATER)
        reconcile_twice(mending)
        assert not mending.task_failures
        return mending


@pytest.fixture
def world(our_server: str) -> Iterator[World]:
    doors = {
        "webhook_url": f"{our_server}/stripe-webhook",
        "marqeta_gateway_url": f"{our_server}/api/webhooks/marqeta/jit",
        "marqeta_webhook_url": f"{our_server}/api/webhooks/marqeta",
    }
    program = our_program()
    with processor_sandbox(marqeta=program, **doors) as running:
        tokens = (program.application_token, program.admin_access_token)
        http = SandboxHttp(running.url, api_key=settings.STRIPE_API_KEY, program=tokens)
        marqeta = {
            "MARQETA_BASE_URL": f"{running.url}/v3/",
            "MARQETA_APPLICATION_TOKEN": tokens[0],
            "MARQETA_ADMIN_ACCESS_TOKEN": tokens[1],
            "MARQETA_CARD_PRODUCT_TOKEN": "demo-card-product",
            "MARQETA_CALLS_PER_SECOND": 0,
            "STRIPE_CALLS_PER_SECOND": 0,
        }
        with override_settings(**marqeta), closing(http):
            yield World(http, make_people(http, 4, seed=SEED), running)
