"""The rows of conditions in the editor: an attribute, an operator and a value each; empty rows say nothing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin.controls import values
from issuing.admin.controls.labels import ATTRIBUTES, OPERATOR_WORDS, OPERATORS
from issuing.admin.controls.vocabulary import operators_of
from issuing.controls.conditions import compile_condition
from issuing.controls.definition import MOST_CONDITIONS
from issuing.controls.errors import DefinitionError
from onecard.kit.confirmation_pages import SelectWidget, TextWidget

FIRST_ROWS: Final = 3
MORE_ROWS: Final = 3
COUNTER: Final = "rows"
PARTS: Final = ("attribute", "operator", "value", "unknown")


class ConditionRows(forms.Form):
    """As many rows as the hidden field `rows` says; a form that is shown anew may have more of them."""

    def __init__(self, *args: Any, typed: Mapping[str, Any] | None = None, **options: Any) -> None:
        """`typed` is what was in the form when more rows were asked for: it is shown again, and checked later."""
        if typed is not None:
            options["initial"] = {**options.get("initial", {}), **{name: typed[name] for name in typed}}
        super().__init__(*args, **options)
        rows = self._asked_rows(typed if typed is not None else self.data if self.is_bound else None)
        self.row_count = min(MOST_CONDITIONS, rows + (MORE_ROWS if typed is not None else 0))
        self.initial[COUNTER] = self.row_count
        self.fields[COUNTER] = forms.CharField(required=False, widget=forms.HiddenInput)
        for number in range(self.row_count):
            self._add_row(number)
        self._conditions: list[dict[str, Any]] = []

    def condition_rows(self) -> Iterator[list[BoundField]]:
        """Yields the fields of each row, for the page."""
        for number in range(self.row_count):
            yield [self[f"{part}_{number}"] for part in PARTS]

    @property
    def may_grow(self) -> bool:
        return self.row_count < MOST_CONDITIONS

    def conditions(self) -> list[dict[str, Any]]:
        """Returns the conditions that were read."""
        return self._conditions

    def read_rows(self, currency: str) -> None:
        """Reads each row, and says beside its value what is wrong with it."""
        for number in range(self.row_count):
            row = {part: self.cleaned_data.get(f"{part}_{number}") for part in PARTS}
            if not row["attribute"]:
                if row["value"]:
                    self.add_error(f"attribute_{number}", gettext_lazy("Choose what is compared with this value."))
                continue
            self._read_row(number, row, currency)

    @staticmethod
    def initial_of_row(number: int, written: Mapping[str, Any], value: str) -> dict[str, Any]:
        """Returns what a row begins with for an existing condition."""
        wanted = (written["operator"], bool(written.get("negate")))
        operator = next((key for key, each in OPERATORS.items() if each == wanted), "is")
        filled = (written["attribute"], operator, value, bool(written.get("if_unknown")))
        return {f"{part}_{number}": each for part, each in zip(PARTS, filled, strict=True)}

    def _asked_rows(self, sent: Mapping[str, Any] | None) -> int:
        if sent is not None:
            text = str(sent.get(COUNTER, ""))
            asked = int(text) if text.isascii() and text.isdecimal() and len(text) <= 2 else 0
            return max(FIRST_ROWS, min(MOST_CONDITIONS, asked))
        filled = sum(name.startswith("attribute_") for name in self.initial)
        return max(FIRST_ROWS, filled + 1)

    def _add_row(self, number: int) -> None:
        names = [("", gettext_lazy("no condition")), *ATTRIBUTES.items()]
        self.fields[f"attribute_{number}"] = forms.ChoiceField(
            label=gettext_lazy("What"), required=False, choices=names, widget=SelectWidget({"data-part": "attribute"})
        )
        self.fields[f"operator_{number}"] = forms.ChoiceField(
            label=gettext_lazy("How"),
            required=False,
            choices=list(OPERATOR_WORDS.items()),
            initial="is",
            widget=SelectWidget({"data-part": "operator"}),
        )
        self.fields[f"value_{number}"] = forms.CharField(
            label=gettext_lazy("Value"),
            required=False,
            max_length=4000,
            widget=TextWidget({"data-part": "value", "autocomplete": "off"}),
        )
        self.fields[f"unknown_{number}"] = forms.BooleanField(
            label=gettext_lazy("Also where nobody says so"), required=False
        )

    def _read_row(self, number: int, row: dict[str, Any], currency: str) -> None:
        operator, negate = OPERATORS[row["operator"] or "is"]
        allowed = operators_of(row["attribute"])
        if row["operator"] and row["operator"] not in allowed:
            names = {
                "what": ATTRIBUTES[row["attribute"]],
                "how": ", ".join(str(OPERATOR_WORDS[each]) for each in allowed),
            }
            self.add_error(f"operator_{number}", _("“%(what)s” can be compared so: %(how)s.") % names)
            return
        try:
            value = values.read(row["attribute"], operator, row["value"] or "", currency=currency)
            written = {"attribute": row["attribute"], "operator": operator, "value": value}
            written |= {"negate": True} if negate else {}
            written |= {"if_unknown": True} if row["unknown"] else {}
            compile_condition(written)
        except (values.ValueRefusedError, DefinitionError) as error:
            self.add_error(f"value_{number}", error.message)
            return
        self._conditions.append(written)
