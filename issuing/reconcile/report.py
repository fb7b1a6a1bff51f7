"""Prints a reconciliation's findings: a table for people, JSON and CSV for programs; each line as it is found."""

import csv
import datetime as dt
import json
from dataclasses import asdict
from typing import Any, Protocol, TextIO

from issuing.reconcile import stood_in
from issuing.reconcile.cases import side_in_words
from issuing.reconcile.run import Finding, Report
from onecard.kit import clock

COLUMNS = ("class", "comparison", "key", "here", "there", "happened_at", "age_days", "case", "case_opened_at", "became")


class FindingWriter(Protocol):
    """Takes findings one by one, and the report at the end."""

    def add(self, finding: Finding) -> None: ...

    def end(self, report: Report) -> None: ...


class Table:
    """Lines of fixed columns; the last columns are not cut, since they matter most."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._has_head = out, False

    def add(self, finding: Finding) -> None:
        if not self._has_head:
            self._has_head = True
            self._line("Class", "Comparison", "Age", "Case", "Here", "There", "Key")
        case = f"#{finding.case.pk}" if finding.case else "-"
        key = f"{finding.difference.key}{f' ({finding.repaired})' if finding.repaired else ''}"
        row = as_fields(finding)
        age = f"{row['age_days']} d"
        self._line(row["class"], row["comparison"], age, case, row["here"], row["there"], key)

    def end(self, report: Report) -> None:
        window = report.window
        self._out.write(
            f"{window.since:%Y-%m-%d %H:%M} to {window.until:%Y-%m-%d %H:%M} UTC, {report.rows} rows listed by "
            f"the others: {report.found.total()} differences, {report.repaired} repaired, {report.left} left"
            f"{f', {report.settled} settled by people' if report.settled else ''}; {report.resolved} cases resolved.\n"
        )
        answered = stood_in.between(window.since, window.until)
        if answered.answered:
            self._out.write(f"{answered.answered} purchases answered by stand-in, {answered.approved} approved.\n")
        if answered.by_others:
            self._out.write(
                f"{answered.by_others} purchases approved in our place: {answered.by_issuer} by the issuer, "
                f"{answered.by_network} by the card network.\n"
            )
        if report.older:
            self._out.write(f"{report.older} cases about what happened before that are still open.\n")
        if report.without_case:
            self._out.write(f"{report.without_case} of them have no case: so many have one cause. Look for it first.\n")

    def _line(self, *cells: str) -> None:
        widths = (16, 26, 6, 8, 28, 28)
        padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)]
        self._out.write(f"{' '.join([*padded, cells[-1]])}\n")


class Json:
    """One object: the findings, then the counts."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._between = out, '{"differences": ['

    def add(self, finding: Finding) -> None:
        self._out.write(f"{self._between}\n  {json.dumps(as_fields(finding))}")
        self._between = ","

    def end(self, report: Report) -> None:
        head = self._between if self._between != "," else ""
        counts = {
            "since": report.window.since.isoformat(),
            "until": report.window.until.isoformat(),
            "rows_listed": report.rows,
            "found": {str(kind): count for kind, count in sorted(report.found.items())},
            "repaired": report.repaired,
            "settled_by_people": report.settled,
            "left": report.left,
            "older_open": report.older,
            "without_case": report.without_case,
            "cases_resolved": report.resolved,
            "stood_in": asdict(stood_in.between(report.window.since, report.window.until)),
        }
        self._out.write(f"{head}\n], {json.dumps(counts)[1:]}\n")


class Csv:
    """A header and a line for each finding; the reader counts."""

    def __init__(self, out: TextIO) -> None:
        self._writer = csv.writer(out)
        self._writer.writerow(COLUMNS)

    def add(self, finding: Finding) -> None:
        row = as_fields(finding)
        self._writer.writerow([_harmless(row[column]) for column in COLUMNS])

    def end(self, report: Report) -> None:
        """Nothing: a line of another shape would break whoever reads the columns."""


WRITERS: dict[str, type[Table] | type[Json] | type[Csv]] = {"table": Table, "json": Json, "csv": Csv}


def as_fields(finding: Finding) -> dict[str, Any]:
    """Returns a finding as columns; its age counts from the movement, its case's age from when staff could see it."""
    happened = dt.datetime.fromtimestamp(finding.difference.at_s, dt.UTC)
    return {
        "class": str(finding.difference.kind),
        "comparison": finding.comparison.label,
        "key": finding.difference.key,
        "here": side_in_words(finding.difference.here),
        "there": side_in_words(finding.difference.there),
        "happened_at": happened.isoformat(),
        "age_days": (clock.now() - happened).days,
        "case": finding.case.pk if finding.case else None,
        "case_opened_at": finding.case.opened_at.isoformat() if finding.case else None,
        "became": _became(finding),
    }


def _became(finding: Finding) -> str:
    if finding.is_settled:
        return "settled"
    return finding.repaired or "left" if finding.is_open else "repaired"


def _harmless(value: object) -> object:
    """Prevents an issuer's text from being a formula in a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value
