"""The families of a scrape: gauges of this moment, and the counters and histograms of what was counted before."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily as Counter
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge
from prometheus_client.metrics_core import HistogramMetricFamily as Histogram

from onecard.kit import clock
from onecard.kit.durations import BEYOND, BOUNDS_S, SUM_US

Labels = tuple[str, ...]
COUNTED: Final = "Counted from stored rows every 15 seconds, since the first count."
IN_REDIS: Final = "Counted in Redis: from 0 again when Redis loses its data, and not while it is away."


def single(name: str, meaning: str, value: float) -> Gauge:
    return Gauge(name, meaning, value=value)


def age_s(since: dt.datetime | None) -> float:
    return max(0.0, (clock.now() - since).total_seconds()) if since else 0.0


def counter(
    name: str, meaning: str, counts: Mapping[str, int], *, labels: Labels, known: Iterable[Labels] = ()
) -> Counter:
    """Returns a counter of the series of this name; `known` are label values that show 0 before they happen."""
    found = dict.fromkeys(known, 0)
    for series, count in counts.items():
        first, *values = series.split("|")
        if first == name:
            found[tuple(values)] = found.get(tuple(values), 0) + count
    family = Counter(name, meaning, labels=labels)
    for each in sorted(found):
        family.add_metric(each, found[each])
    return family


def histogram(name: str, meaning: str, counts: Mapping[str, int], *, labels: Labels) -> Histogram:
    """Returns a histogram in seconds of the series of this name, each with its bucket or its sum at the end."""
    buckets: dict[Labels, dict[float, int]] = defaultdict(lambda: dict.fromkeys((*BOUNDS_S, float("inf")), 0))
    sums_us: dict[Labels, int] = defaultdict(int)
    for series, count in counts.items():
        first, *values, last = series.split("|")
        if first == name and last == SUM_US:
            sums_us[tuple(values)] += count
        elif first == name:
            # A bound of an earlier release has a bucket of its own.
            bound = buckets[tuple(values)]
            bound[float(last)] = bound.get(float(last), 0) + count
    family = Histogram(name, meaning, labels=labels)
    for each in sorted(buckets):
        family.add_metric(each, _up_to_each_bound(buckets[each]), sums_us[each] / 1_000_000)
    return family


def _up_to_each_bound(found: Mapping[float, int]) -> list[tuple[str, float]]:
    """Prometheus counts in a bucket what is in the smaller ones too."""
    bounds = sorted(found)
    so_far = accumulate(found[bound] for bound in bounds)
    names = [BEYOND if bound == float("inf") else str(bound) for bound in bounds]
    return list(zip(names, so_far, strict=True))
