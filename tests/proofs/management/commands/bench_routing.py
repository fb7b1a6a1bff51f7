"""`manage.py bench_routing`: how close each strategy comes to what a clairvoyant would have earned."""

import json
import os
import secrets
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from tests.proofs.households.compare import STRATEGIES, Compared, Setting, compare, summarize
from tests.proofs.households.worlds import WORLDS

FILE = Path(settings.BASE_DIR) / ".onecard" / "bench" / "routing.json"
SETTINGS = [Setting(*each) for each in product(WORLDS, ("preference", "programme"), (True, False))]
GOALS = {"total_percent": 99.6, "worst_percent": 95.0}
# The total of fewer households is chance: one card with a top category among four wallets moves it by half a percent.
TOTAL_COUNTS_FROM = 30


class Command(BaseCommand):
    help = (
        "Routes a year of made-up households by each strategy, and compares the money with the optimum in hindsight "
        "and with each person's best single card. It ends with an error where `value` misses its goals."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--households", type=int, default=60, help="of each world and kind of weights (60)")
        parser.add_argument(
            "--seed", default="", help="makes the same households again (a new one is drawn and printed)"
        )
        parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at once (one for each CPU)")

    def handle(self, *, households: int, seed: str, processes: int, **_options: Any) -> None:
        seed = seed or secrets.token_hex(4)
        self.stdout.write(f"Seed {seed}: {households} households in each of {len(SETTINGS)} settings.")
        jobs = [(setting, f"{seed}-{number}") for number in range(households) for setting in SETTINGS]
        found: dict[Setting, list[Compared]] = {setting: [] for setting in SETTINGS}
        with ProcessPoolExecutor(processes) as pool, tqdm(total=len(jobs), unit=" years", disable=None) as bar:
            for (setting, _), result in zip(jobs, pool.map(compare, *zip(*jobs, strict=True)), strict=True):
                found[setting].append(result)
                bar.update()
        summaries = {str(setting): summarize(results) for setting, results in found.items()}
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps({"seed": seed, "goals": GOALS, "settings": summaries}, indent=2) + "\n")
        self.stdout.write(_table(summaries))
        self.stdout.write(f"Written to {FILE}.")
        if missed := list(_missed(summaries)):
            self.stderr.write(self.style.ERROR("\n".join(missed)))
            raise SystemExit(1)


def _table(summaries: dict[str, Any]) -> str:
    lines = [f"{'percent of the optimum: total (worst person)':48}" + "".join(f"{each:>20}" for each in STRATEGIES)]
    for name, summary in summaries.items():
        cells = [f"{summary[s]['total_percent']:.2f} ({summary[s]['worst_percent']:.1f})" for s in STRATEGIES]
        lines.append(f"{name:48}" + "".join(f"{cell:>20}" for cell in cells))
        below = [str(len(summary[s]["below_best_card"])) for s in STRATEGIES]
        lines.append(f"{'    people below their best single card':48}" + "".join(f"{count:>20}" for count in below))
    return "\n".join(lines)


def _missed(summaries: dict[str, Any]) -> list[str]:
    """The goals that `value` misses, as sentences."""
    found = []
    for name, summary in summaries.items():
        value = summary["value"]
        found += [
            f"{name}: value reaches {value[key]} for {key}, and the goal is {goal}."
            for key, goal in GOALS.items()
            if value[key] < goal and (key != "total_percent" or summary["households"] >= TOTAL_COUNTS_FROM)
        ]
        if value["below_best_card"]:
            found.append(f"{name}: value is below the best single card of {', '.join(value['below_best_card'])}.")
    return found
