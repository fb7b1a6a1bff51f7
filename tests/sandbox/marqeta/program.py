"""The Marqeta program as a whole: what it knows, whom it asks, where it reports, and how it was told to behave."""

import time
from dataclasses import replace

from tests.sandbox.journal import Delivery, Journal
from tests.sandbox.marqeta.batches import Target
from tests.sandbox.marqeta.conduct import Conduct
from tests.sandbox.marqeta.events import Notice
from tests.sandbox.marqeta.gateway import Gateway
from tests.sandbox.marqeta.outgoing import Outgoing
from tests.sandbox.marqeta.state import Chain
from tests.sandbox.marqeta.world import add_endpoints, load_program
from tests.sandbox.scenarios import Scenarios
from tests.sandbox.settings import MarqetaSettings, Settings
from tests.sandbox.wire import Json, copy_of
from tests.sandbox.workers import Workers


class Program:
    """The parts of a running program; tests read `state` and set `conduct`."""

    def __init__(
        self, settings: Settings, *, scenarios: Scenarios, journal: Journal[Delivery], workers: Workers
    ) -> None:
        self._world = settings.world
        self.settings: MarqetaSettings = settings.marqeta
        self.state = load_program(self._world, self.settings)
        self.conduct = Conduct()
        self.outgoing = Outgoing(settings, scenarios=scenarios, journal=journal, workers=workers)
        self.gateway = Gateway(scenarios=scenarios, journal=journal, workers=workers)

    def report(self, notice: Notice, *, also: Target | None = None) -> None:
        """Queue an event for every webhook that listens to it, and for one that a simulation named."""
        webhooks = [webhook for webhook in self.state.things["webhook"].values() if webhook["active"]]
        targets = [Target.of(webhook) for webhook in webhooks if notice.is_wanted_by(webhook["events"])]
        self.outgoing.send(notice, targets + ([also] if also else []))

    def record(self, transaction: Json, *, chain: Chain | None, also: Target | None = None) -> None:
        """Store a transaction under the next number, and report it; call it under the state's lock."""
        state, token = self.state, transaction["token"]
        transaction["identifier"] = str(len(state.transactions) + 1)
        state.transactions[token] = transaction
        state.visible_at[token] = time.monotonic() + self.conduct.transactions_visible_after_s
        if chain is not None:
            chain.members.append(token)
            state.chain_of[token] = chain
        about = chain.origin["token"] if chain else token
        self.report(Notice("transaction", transaction["type"], token, about, copy_of(transaction)), also=also)

    def point_to(self, *, gateway_url: str, webhook_url: str) -> None:
        """Change the endpoints of the gateway source and the webhook that are there from the start."""
        self.settings = replace(self.settings, gateway_url=gateway_url, webhook_url=webhook_url)
        with self.state.lock:
            add_endpoints(self.state, self.settings)

    def reset(self) -> None:
        """Start again from the world file."""
        self.outgoing.forget()
        self.conduct = Conduct()
        self.state = load_program(self._world, self.settings)

    def stop(self) -> None:
        """Close what is open; the workers are the sandbox's."""
        self.outgoing.stop()
        self.gateway.stop()
