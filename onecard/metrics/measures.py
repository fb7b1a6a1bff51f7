"""What a scrape measures. A new topic is a file of its own, and its functions are added here."""

from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import Metric

from onecard.metrics.calls import calls
from onecard.metrics.card_changes import card_changes
from onecard.metrics.charges import charges, unknown_charges
from onecard.metrics.counted import counted
from onecard.metrics.decisions import decisions
from onecard.metrics.issuer_balances import issuer_balances
from onecard.metrics.issuers import issuers, rate_budgets
from onecard.metrics.money import balances
from onecard.metrics.queues import months, open_cases, queues
from onecard.metrics.sheds import sheds
from onecard.metrics.stand_in import stand_in
from onecard.metrics.targets import targets
from onecard.metrics.webhooks import webhooks

MEASURES: tuple[Callable[[], Iterable[Metric]], ...] = (
    *(issuers, rate_budgets, card_changes, queues, unknown_charges, months, open_cases),
    *(decisions, sheds, stand_in, charges, webhooks, calls, balances, issuer_balances, targets, counted),
)
