"""One line of the health page: what was measured, whether it is well, and what to do when it is not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from onecard.alerts.messages import runbook_section

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

State = Literal["good", "warn", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`measured` is what was found a moment ago, `to_do` a sentence for whoever is on duty; `page` has the rows.

    `runbook` is the English heading of the runbook's section about it, where it has one.
    """

    name: "StrOrPromise"
    state: State
    measured: str
    to_do: "StrOrPromise"
    page: str = ""
    runbook: str = ""
    # By which logs and the configuration know it, where that is not its name.
    code: str = ""

    @property
    def runbook_place(self) -> str:
        """Returns where that section is: an address where RUNBOOK_URL is set, else the file; "" without a section."""
        return runbook_section(self.runbook) if self.runbook else ""


# A measurement yields an item for each thing that it measures, such as one for each issuer.
Measurement = Callable[[], Iterable[Item]]
