"""What a run of the benchmark shows: medians of its rounds, and ratios to the references of the same run."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.proofs.bench.guarded import BARE, BOTH, HOOKS
from tests.proofs.bench.turns import OVERLOAD, UNDER_CONTROLS

GUARD: Final = UNDER_CONTROLS.name
# What a decision with twenty controls and five hooks may take of the bare one's CPU.
MOST_OVER_BARE: Final = 1.3

Seen = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
SCALES: Final = ("rps", "p50", "p99")


def ratios(seen: Seen) -> dict[str, Any]:
    """Returns the figures of issue and changelog: each a ratio, or None where a reference is missing."""

    def over(load: str, what: str, reference: str, reference_load: str = "") -> float | None:
        mine = median(seen, load, "product", what)
        theirs = median(seen, reference_load or load, reference, what)
        return round(mine / theirs, 3) if mine is not None and theirs else None

    def closed(load: str) -> dict[str, float | None]:
        return {
            "rps_over_in_memory": over(load, "rps", "in_memory"),
            "rps_over_pgbench": over(load, "rps", "pgbench", "closed_32"),
            "p99_over_in_memory": over(load, "p99", "in_memory"),
            "cpu_over_in_memory": over(load, "cpu_us", "in_memory"),
        }

    return {
        "one_connection": {"p50_over_pgbench": over("one_connection", "p50", "pgbench")},
        "closed_32": closed("closed_32"),
        "closed_128": closed("closed_128"),
        "at_50": {f"{what}_over_in_memory": over("at_50", what, "in_memory") for what in ("p50", "p99")},
        "hot_card_over_in_memory": over("hot_card", "rps", "in_memory", "closed_32"),
        "five_hooks": cpu_over_bare(seen, HOOKS),
        "twenty_controls_and_five_hooks": cpu_over_bare(seen, BOTH),
        "value_with_ten_cards": {
            "cpu_us": median(seen, "closed_32_value", BARE, "cpu_us"),
            "cpu_over_bare": _of_bare(seen, "closed_32_four_cards"),
            "cpu_over_ten_cards_by_rewards": _of_bare(seen, "closed_32_ten_cards"),
        },
        "errors": sum(report["errors"] + report["declined"] for report in _of_product(seen)),
    }


def cpu_over_bare(seen: Seen, who: str) -> dict[str, float | None]:
    """Returns the CPU of a decision over that of the bare one, each turn over its neighbour: median, least and most.

    `web` and `postgres` are the medians of the two parts.
    """
    pairs = list(zip(seen.get((GUARD, who), ()), seen.get((GUARD, BARE), ()), strict=False))

    def quotients(*parts: str) -> list[float]:
        return [cpu_us(mine, *parts) / cpu_us(theirs, *parts) for mine, theirs in pairs if cpu_us(theirs, *parts)]

    found = {"cpu_over_bare": quotients(), "web": quotients("web"), "postgres": quotients("postgres")}
    medians = {name: round(statistics.median(values), 3) if values else None for name, values in found.items()}
    ends = {"least": min(found["cpu_over_bare"], default=None), "most": max(found["cpu_over_bare"], default=None)}
    return medians | {name: None if value is None else round(value, 3) for name, value in ends.items()}


def guard(seen: Seen) -> str:
    """Returns what hooks and controls cost, a line for each; "" if it was not measured."""
    return "\n".join(
        f"CPU of a decision with {what}: {found['cpu_over_bare']:.2f} times the bare one's "
        f"({found['least']:.2f} to {found['most']:.2f}; web {found['web']:.2f}, PostgreSQL {found['postgres']:.2f}; "
        f"at most {MOST_OVER_BARE} is the aim)."
        for what, who in (("five hooks", HOOKS), ("twenty controls and five hooks", BOTH))
        if (found := cpu_over_bare(seen, who))["cpu_over_bare"] is not None
    )


def _of_bare(seen: Seen, load: str) -> float | None:
    """Returns the CPU of a decision by value with ten cards over that of this load, both without hooks."""
    mine, other = (median(seen, each, BARE, "cpu_us") for each in ("closed_32_value", load))
    return round(mine / other, 3) if mine is not None and other else None


def choice_share(seen: Seen, choice_us: Mapping[str, float]) -> dict[str, float | None]:
    """Returns the CPU of a choice by `value` among ten cards, in microseconds, and its share of a whole decision's."""
    whole = median(seen, "closed_32", "product", "cpu_us")
    share = round(choice_us["wallet_made_anew"] / whole, 3) if whole else None
    return {**{f"{name}_cpu_us": value for name, value in choice_us.items()}, "share_of_decision": share}


def median(seen: Seen, load: str, who: str, what: str) -> float | None:
    """Returns the median over the rounds; `cpu_us` is the CPU of one decision in microseconds, the load's excluded."""
    reports = seen.get((load, who), ())
    values = [cpu_us(report) if what == "cpu_us" else report[what] for report in reports]
    return statistics.median(values) if values else None


def cpu_us(report: Mapping[str, Any], *parts: str) -> float:
    used = sum(report.get(f"{part}_cpu_s", 0.0) for part in parts or ("web", "postgres"))
    return float(used / max(report["approved"], 1) * 1e6)


def table(seen: Seen) -> str:
    """Returns the medians, a line for each load and server, with the CPU of each part in microseconds a decision."""
    lines = [
        f"{'':<28}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'web µs':>9}{'PG µs':>9}{'load µs':>9}{'declined':>10}"
    ]
    for (load, who), reports in sorted(seen.items()):
        figures = [statistics.median(report.get(what, 0.0) for report in reports) for what in SCALES]
        parts = [statistics.median(_part(report, part) for report in reports) for part in ("web", "postgres", "")]
        declined = sum(report.get("declined", 0) for report in reports)
        numbers = f"{figures[0]:>10.0f}{figures[1]:>9.2f}{figures[2]:>9.2f}" + "".join(
            f"{each:>9.0f}" for each in parts
        )
        lines.append(f"{load + ', ' + who:<28}{numbers}{declined:>10}")
    return "\n".join(lines)


def overload(seen: Seen) -> str:
    """Returns what became of twice the rate, a line for each round; "" if it was not measured."""
    return "\n".join(map(_overload, seen.get((OVERLOAD, "product"), ())))


def _overload(report: Mapping[str, Any]) -> str:
    seconds = report["took_s"]
    return (
        f"Twice the rate of {report['sustained']:.0f}/s: sent {report['sent'] / seconds:.0f}/s, "
        f"approved {report['rps']:.0f}/s ({report['rps'] / report['sustained']:.0%} of the rate), "
        f"declined {report['declined_rps']:.0f}/s {report['reasons']}; p50 {report['p50']:.0f} ms, "
        f"p99 {report['p99']:.0f} ms, of approvals {report['approved_p99']:.0f} ms, of declines "
        f"{report['declined_p50']:.0f} and {report['declined_p99']:.0f} ms; {report['in_time']:.1%} in time. "
        f"CPU, in cores: web {report['web_cpu_s'] / seconds:.2f}, PostgreSQL {report['postgres_cpu_s'] / seconds:.2f}, "
        f"load maker {report['cpu_s'] / seconds:.2f}; it sent {report['lag_p99']:.0f} ms late at p99, over "
        f"{report['connections']} connections."
    )


def _part(report: Mapping[str, Any], part: str) -> float:
    if "approved" not in report:
        return 0.0
    return cpu_us(report, part) if part else report["cpu_s"] / max(report["approved"], 1) * 1e6


def _of_product(seen: Seen) -> list[Mapping[str, Any]]:
    # Beyond its rate the product is meant to decline.
    return [each for (load, who), reports in seen.items() if who == "product" and load != OVERLOAD for each in reports]


def plot(seen: Seen) -> str:
    """Returns an SVG: decisions a second of A, B and the product, a bar for each."""
    bars = [(f"{load}, {who}", median(seen, load, who, "rps") or 0.0) for load, who in sorted(seen)]
    most = max((value for _, value in bars), default=1.0) or 1.0
    rows = [
        f'<text x="8" y="{24 * place + 20}">{name}</text>'
        f'<rect x="230" y="{24 * place + 6}" width="{value / most * 420:.0f}" height="18" fill="{_fill(name)}"/>'
        f'<text x="{236 + value / most * 420:.0f}" y="{24 * place + 20}">{value:.0f}</text>'
        for place, (name, value) in enumerate(bars)
    ]
    size = f'width="740" height="{24 * len(bars) + 12}" font-family="sans-serif" font-size="13"'
    title = "<title>Decisions a second</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>{title}{"".join(rows)}</svg>\n'


def _fill(name: str) -> str:
    return "#6d28d9" if name.endswith("product") else "#94a3b8"
