"""One account with either issuer: what it knows, what it sent and received, and how it was told to misbehave."""

from tests.sandbox.journal import Journal, Received
from tests.sandbox.keyed_calls import KeyedCalls
from tests.sandbox.limits import RateLimit
from tests.sandbox.marqeta.program import Program
from tests.sandbox.outgoing import Outgoing, Target
from tests.sandbox.release_gate import Gate
from tests.sandbox.scenario import Scenario
from tests.sandbox.scenarios import Scenarios
from tests.sandbox.settings import Settings
from tests.sandbox.stripe.categories import load_categories
from tests.sandbox.stripe.idempotency import IdempotencyKeys
from tests.sandbox.world import load_world


class Sandbox:
    """The parts of a running sandbox; tests read `state`, `requests` and `deliveries` and order with `order()`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # Where it is reached, once it serves: pages for people begin with it.
        self.address = ""
        self.categories = load_categories(settings.categories)
        self.state = load_world(settings.world, opening_top_up=settings.opening_top_up)
        self.idempotency = IdempotencyKeys()
        self.requests: Journal[Received] = Journal(kept=settings.events_kept)
        self.scenarios = Scenarios()
        self.outgoing = Outgoing(settings=settings, scenarios=self.scenarios, made_by_api=self._made_by_api)
        self.deliveries = self.outgoing.journal
        self.gate = Gate()
        self.keyed_calls = KeyedCalls()
        self.limits = {"stripe": RateLimit(), "marqeta": RateLimit()}
        self.marqeta = Program(
            settings, scenarios=self.scenarios, journal=self.deliveries, workers=self.outgoing.workers
        )

    def order(self, **words: object) -> Scenario:
        """Put a scenario in force, in the words of the control door; raises ScenarioError."""
        return self.scenarios.add(Scenario.read(words))

    def release(self) -> int:
        """Let go of every held answer and every event kept back, and tell how many they were."""
        return self.gate.release() + self.outgoing.release_held() + self.marqeta.outgoing.release_held()

    def resend(self, event_id: str) -> bool:
        """Send an event of the past once more; False when neither issuer ever sent it."""
        return self.outgoing.resend(event_id) or self.marqeta.outgoing.resend_anywhere(event_id)

    def _made_by_api(self) -> list[Target]:
        with self.state.lock:
            endpoints = [
                each for each in self.state.objects["webhook_endpoint"].values() if each["status"] == "enabled"
            ]
            secrets = self.state.endpoint_secrets
            return [
                Target(each["url"], secrets[each["id"]], tuple(each["enabled_events"]), each["api_version"])
                for each in endpoints
            ]

    def reset(self) -> None:
        """Start again from the world file: nothing happened, nobody misbehaves."""
        self.scenarios.clear()
        self.release()
        self.state = load_world(self.settings.world, opening_top_up=self.settings.opening_top_up)
        self.outgoing.forget()
        self.marqeta.reset()
        for limit in self.limits.values():
            limit.set(0)
        self.idempotency = IdempotencyKeys()
        self.requests.clear()
        self.deliveries.clear()

    def stop(self) -> None:
        """Send nothing more and hold nobody back."""
        self.outgoing.stop()
        self.marqeta.stop()
        self.gate.demolish()
