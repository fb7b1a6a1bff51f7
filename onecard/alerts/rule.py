"""What a rule of the alerts is, and the conditions that it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from onecard.alerts.states import Severity
from onecard.kit.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is wrong now. There is one incident for each kind and key.

    `key` tells apart what a rule watches, such as the issuer; "" where there is one. `summary` says in English, with
    figures, what is wrong: it is stored and sent. `page` is the path of the page of the back office to open.
    """

    severity: Severity
    summary: str
    key: str = ""
    page: str = ""


Measure = Callable[[], Iterable[Condition]]


def counted(count: int, one: str, many: str) -> str:
    """Returns a number with its words, such as "1 event waits" and "3 events wait", for a summary."""
    return f"{count} {one if count == 1 else many}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Measures one kind of condition from the database and Redis; it writes nothing and asks nobody else.

    `kind` is stored and never changes; docs/runbook.md has a section with the English of `label` as its heading.
    `to_do` says what to do first. A measurement that raises is an incident of its own and resolves none.
    """

    kind: str
    label: Words
    to_do: Words
    measure: Measure
