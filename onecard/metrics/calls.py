"""How long calls took: those that we make, and those of the frontend."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from onecard.kit import durations
from onecard.metrics.families import IN_REDIS, histogram


def calls() -> Iterator[Metric]:
    """Three hashes in Redis with some dozen fields for each series."""
    for what, labels, meaning in (
        ("issuer_call", ("provider", "code"), "Time of our calls to issuers; without the wait for the rate budget."),
        ("processor_call", ("provider", "code"), "Time of our calls to the processor."),
        ("frontend_call", ("method", "code"), "Time of the answers of the frontend API."),
    ):
        name = f"onecard_{what}_seconds"
        counts = {f"{name}|{series}": count for series, count in durations.read(what).items()}
        yield histogram(name, f"{meaning} code: class of the status, or none. {IN_REDIS}", counts, labels=labels)
