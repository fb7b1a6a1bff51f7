"""What a scrape says."""

from django.test import Client
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families


def families() -> list[Metric]:
    """Every family of a scrape, also those without a sample."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200, answer.content
    return list(text_string_to_metric_families(answer.content.decode()))


def scraped(**labels: str) -> dict[str, float]:
    """Name and value of the samples that carry these labels."""
    samples = [sample for family in families() for sample in family.samples]
    return {each.name: each.value for each in samples if labels.items() <= each.labels.items()}
