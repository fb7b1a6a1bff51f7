"""Charges of funding cards: what became of them, and how long after the purchase."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Min
from prometheus_client.metrics_core import Metric

from onecard.metrics.counting import Source, totals_of
from onecard.metrics.families import COUNTED, age_s, counter, histogram, single
from wallet.models import FundingCharge
from wallet.states import Charge

OUTCOMES: Final = (Charge.SUCCEEDED, Charge.HELD, Charge.DECLINED, Charge.REFUSED, Charge.CANCELED)
# A hold ends days later, when it is captured, so its times say nothing of how quick we are.
CHARGES: Final = Source(
    "charges",
    FundingCharge.objects.all(),
    "count(*), sum(extract(epoch FROM updated_at))",
    """
    SELECT found.series, found.seconds
    FROM wallet_fundingcharge c
    JOIN wallet_fundingobligation o ON o.id = c.obligation_id
    LEFT JOIN issuing_decision d ON d.obligation_id = o.id AND c.sequence = 1
    LEFT JOIN LATERAL (
        SELECT sum(value::text::numeric) / 1000 AS decided
        FROM jsonb_each(d.timings_ms) WHERE jsonb_typeof(value) = 'number'
    ) took ON true
    CROSS JOIN LATERAL (
        SELECT o.policy = 'charge_now' AND c.status IN ('succeeded', 'declined', 'refused')
            AND c.first_sent_at IS NOT NULL AND c.finished_at >= c.first_sent_at AS has_ended
    ) ended
    CROSS JOIN LATERAL (VALUES
        (concat_ws('|', 'onecard_funding_charges', c.status), NULL::numeric,
            c.status = ANY(%(outcomes)s) AND c.first_sent_at IS NOT NULL),
        ('onecard_funding_charge_seconds', extract(epoch FROM c.finished_at - c.first_sent_at), ended.has_ended),
        ('onecard_purchase_seconds', took.decided + extract(epoch FROM c.finished_at - c.created_at),
            ended.has_ended AND took.decided IS NOT NULL),
        ('onecard_charge_sent_seconds', extract(epoch FROM c.first_sent_at - c.created_at),
            d.id IS NOT NULL AND c.first_sent_at >= c.created_at)
    ) AS found (series, seconds, is_one)
    WHERE c.id >= %(first)s AND c.id < %(end)s AND found.is_one
    """,
    {"outcomes": [outcome.value for outcome in OUTCOMES]},
)


def charges() -> Iterator[Metric]:
    """One row of totals."""
    counts = totals_of(CHARGES)
    yield counter(
        "onecard_funding_charges",
        f"Charges that were sent, by what became of them; a hold counts again when it is captured. {COUNTED}",
        counts,
        labels=("outcome",),
        known=[(outcome.value,) for outcome in OUTCOMES],
    )
    for name, meaning in (
        ("onecard_funding_charge_seconds", "From the first try of a charge to its outcome; holds left out."),
        ("onecard_purchase_seconds", "From a purchase's request to the outcome of its first charge; holds left out."),
        ("onecard_charge_sent_seconds", "From an approval to the time that its charge was sent."),
    ):
        yield histogram(name, f"{meaning} {COUNTED}", counts, labels=())


def unknown_charges() -> Iterator[Metric]:
    """By the partial index charge_due."""
    unknown = FundingCharge.objects.filter(status=Charge.UNKNOWN)
    found = unknown.aggregate(count=Count("pk"), since=Min("first_sent_at"))
    age = age_s(found["since"])
    yield single("onecard_funding_charges_unknown", "Charges whose outcome is unknown.", found["count"])
    yield single("onecard_funding_charge_unknown_oldest_seconds", "Age of the oldest of them, or 0.", age)
