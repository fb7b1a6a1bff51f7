"""The rules for Prometheus: they are well formed, each has its entry in the runbook, and each fires when it should."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from onecard.metrics.targets import RATIOS, SECONDS
from tests.onecard.metrics.rule_cases import CASES, MINUTES, Case, Series, steady

FOLDER = settings.BASE_DIR / "monitoring"
FILE = FOLDER / "prometheus-rules.yml"
SECTION = "When a rule of Prometheus fires"


def rules(kind: str) -> dict[str, Any]:
    """The rules that `alert` or `record`, by name."""
    groups = yaml.safe_load(FILE.read_text("utf-8"))["groups"]
    return {rule[kind]: rule for group in groups for rule in group["rules"] if kind in rule}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Prometheus' own check; without it the test is skipped, which CI does not accept."""
    program = shutil.which("promtool")
    if program is None:
        assert not os.environ.get("CI"), "promtool is missing; CI installs it (.ci/run)"
        pytest.skip("PROMTOOL IS MISSING, SO PROMETHEUS DID NOT READ THE RULES: apt-get install prometheus")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_each_rule_says_how_urgent_it_is_and_what_happened() -> None:
    for name, rule in rules("alert").items():
        assert rule["labels"]["severity"] in ("page", "ticket"), name
        assert re.fullmatch(r"[1-9]\d*[mh]", rule["for"]), name
        assert rule["annotations"]["summary"].endswith((".", "?")), name
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, name
    for name, rule in rules("record").items():
        assert name.startswith("onecard:"), name
        assert set(rule) == {"record", "expr"}, name


def test_each_rule_leads_to_what_to_do_in_the_runbook() -> None:
    text = (settings.BASE_DIR / "docs" / "runbook.md").read_text("utf-8")
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    for name, rule in rules("alert").items():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert (page, anchor in anchors) == ("docs/runbook.md", True), name
    section = text.partition(f"## {SECTION}")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(OneCard\w+)`", section)) == set(rules("alert"))


def test_rules_compare_with_the_targets_and_repeat_none() -> None:
    text = FILE.read_text("utf-8")
    named = set(re.findall(r'onecard_target_(?:seconds|ratio)\{name="(\w+)"\}', text))
    assert named == {*SECONDS, *RATIOS, "decision"}


def test_each_rule_has_series_at_which_it_fires_and_others() -> None:
    assert set(CASES) == set(rules("alert"))


@pytest.mark.parametrize("arguments", [("check", "rules", str(FILE)), ("check", "config", "--syntax-only")])
def test_prometheus_accepts_the_files(arguments: tuple[str, ...]) -> None:
    more = [] if "rules" in arguments else [str(FOLDER / "prometheus.yml")]

    done = promtool(*arguments, *more)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_prometheus_can_read_each_expression_of_the_dashboard(tmp_path: Path) -> None:
    panels = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    read = [{"record": f"onecard:panel{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": read}]}), "utf-8")

    done = promtool("check", "rules", str(file))

    assert f"{len(asked)} rules found" in done.stdout, done.stdout + done.stderr


@pytest.mark.only_in_proofs
def test_each_rule_fires_when_it_should_and_no_other_does(tmp_path: Path) -> None:
    """Cases that share no metric are looked at together; of each group exactly its rules fire, or none."""
    groups = list(grouped())
    files = []
    for every_m in (1, 5):
        tests = [each for group in groups for each in both_ways(group) if (group.at_minutes > 200) == (every_m == 5)]
        file = tmp_path / f"{every_m}.yml"
        text = yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": f"{every_m}m", "tests": tests})
        file.write_text(text, "utf-8")
        files.append(str(file))

    done = promtool("test", "rules", *files)

    assert len(groups) < len(CASES) / 3
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Group:
    """Cases without a metric in common, which are looked at together."""

    at_minutes: int
    cases: dict[str, Case] = field(default_factory=dict)

    def takes(self, case: Case) -> bool:
        used = {name for each in self.cases.values() for name in metrics_of(each)}
        return case.at_minutes == self.at_minutes and used.isdisjoint(metrics_of(case))


def metrics_of(case: Case) -> set[str]:
    return {series.partition("{")[0].removesuffix("_count") for series in (*case.fires, *case.is_quiet)}


def grouped() -> list[Group]:
    groups: list[Group] = []
    for name, case in CASES.items():
        group = next((each for each in groups if each.takes(case)), None)
        if group is None:
            group = Group(case.at_minutes)
            groups.append(group)
        group.cases[name] = case
    return groups


def both_ways(group: Group) -> list[dict[str, Any]]:
    names = list(group.cases)
    firing = {series: values for case in group.cases.values() for series, values in case.fires.items()}
    quiet = {series: values for case in group.cases.values() for series, values in case.is_quiet.items()}
    return [fires(firing, group.at_minutes, names), fires(quiet, group.at_minutes, [])]


def fires(series: Series, at_minutes: int, names: list[str]) -> dict[str, Any]:
    """A test of promtool: at the series exactly these rules fire."""
    known: Series = {'up{job="onecard"}': f"1+0x{13 * MINUTES}"}
    known |= {f'onecard_target_seconds{{name="{name}"}}': steady(value) for name, value in SECONDS.items()}
    known |= {f'onecard_target_ratio{{name="{name}"}}': steady(value) for name, value in RATIOS.items()}
    known |= {'onecard_target_seconds{name="decision"}': steady(1), **series}
    return {
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in known.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{at_minutes}m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
            }
        ],
    }
