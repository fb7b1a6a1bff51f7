"""One issuer's account: what it knows, what it sent and received, and how it was told to misbehave."""

from onecard.sandbox.gate import Gate
from onecard.sandbox.journal import Journal, Received
from onecard.sandbox.like_stripe.categories import load_categories
from onecard.sandbox.like_stripe.idempotency import IdempotencyKeys
from onecard.sandbox.outgoing import Outgoing
from onecard.sandbox.scenario import Scenario
from onecard.sandbox.scenarios import Scenarios
from onecard.sandbox.settings import Settings
from onecard.sandbox.world import load_world


class Sandbox:
    """The parts of a running sandbox; tests read `state`, `requests` and `deliveries` and order with `order()`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.categories = load_categories(settings.categories)
        self.state = load_world(settings.world)
        self.idempotency = IdempotencyKeys()
        self.requests: Journal[Received] = Journal()
        self.scenarios = Scenarios()
        self.outgoing = Outgoing(settings=settings, scenarios=self.scenarios)
        self.deliveries = self.outgoing.journal
        self.gate = Gate()

    def order(self, **words: object) -> Scenario:
        """Put a scenario in force, in the words of the control door; raises ScenarioError."""
        return self.scenarios.add(Scenario.read(words))

    def release(self) -> int:
        """Let go of every held answer and every event kept back, and tell how many they were."""
        return self.gate.release() + self.outgoing.release_held()

    def reset(self) -> None:
        """Start again from the world file: nothing happened, nobody misbehaves."""
        self.scenarios.clear()
        self.release()
        self.state = load_world(self.settings.world)
        self.idempotency = IdempotencyKeys()
        self.requests.clear()
        self.deliveries.clear()

    def stop(self) -> None:
        """Send nothing more and hold nobody back."""
        self.outgoing.stop()
        self.gate.demolish()
