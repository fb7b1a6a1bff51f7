"""The editor of a control: a form of plain words that makes the definition, row by row, without JSON."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin.controls import sentences, values, vocabulary
from issuing.admin.controls.condition_rows import ConditionRows
from issuing.admin.controls.labels import ACTIONS, MEASURES, SUBJECTS, WINDOWS
from issuing.controls.definition import ADJUST_HOLD, AMOUNT, APPROVE_IN_PART, PURCHASE, TRAILING, compile_definition
from issuing.controls.errors import DefinitionError
from issuing.models import ControlVersion
from onecard.kit.amount_field import parse_typed, typed
from onecard.kit.confirmation_pages import AreaWidget, SelectWidget, TextWidget
from onecard.kit.money import Money, MoneyError, currency_exponent

NO_COUNTING: Final = ""
UNITS: Final = {
    "minutes": gettext_lazy("minutes"),
    "hours": gettext_lazy("hours"),
    "days": gettext_lazy("days"),
}
DECIMAL: Final = {"inputmode": "decimal"}
NUMERIC: Final = {"inputmode": "numeric"}


class ControlForm(ConditionRows):
    """Conditions, what is counted, what is done, and what the cardholder reads. `definition()` makes the JSON."""

    currency = forms.CharField(
        label=gettext_lazy("Amounts on this page are in"), max_length=3, widget=TextWidget,
        help_text=gettext_lazy("The currency of the cards, such as USD."),
    )  # fmt: skip
    measure = forms.ChoiceField(
        label=gettext_lazy("Count"), required=False, widget=SelectWidget,
        choices=[(NO_COUNTING, gettext_lazy("nothing: the conditions alone decide")), *MEASURES.items()],
    )  # fmt: skip
    window = forms.ChoiceField(
        label=gettext_lazy("Over"), required=False, widget=SelectWidget, choices=WINDOWS.items(), initial="day"
    )
    trailing = forms.IntegerField(
        label=gettext_lazy("How long before"), required=False, min_value=1, widget=TextWidget(NUMERIC)
    )
    unit = forms.ChoiceField(
        label=gettext_lazy("Minutes, hours or days"), required=False, widget=SelectWidget, choices=UNITS.items()
    )
    most = forms.CharField(
        label=gettext_lazy("At most"), required=False, max_length=30, widget=TextWidget(DECIMAL),
        help_text=gettext_lazy("An amount such as 500.00, or a number of purchases."),
    )  # fmt: skip
    per = forms.ChoiceField(label=gettext_lazy("For"), required=False, widget=SelectWidget, choices=SUBJECTS.items())
    action = forms.ChoiceField(label=gettext_lazy("Then"), widget=SelectWidget, choices=ACTIONS.items())
    percent = forms.IntegerField(
        label=gettext_lazy("Hold more: percent of the amount"), required=False, min_value=0, widget=TextWidget(NUMERIC)
    )
    fixed = forms.CharField(
        label=gettext_lazy("Hold more: a fixed amount"), required=False, max_length=30, widget=TextWidget(DECIMAL)
    )
    part = forms.CharField(
        label=gettext_lazy("Approve at most"), required=False, max_length=30, widget=TextWidget(DECIMAL),
        help_text=gettext_lazy("Where something is counted, what is left of it is approved: leave this empty."),
    )  # fmt: skip
    reason_code = forms.RegexField(
        r"^[a-z][a-z0-9_]{2,39}$", label=gettext_lazy("Reason code"), widget=TextWidget,
        help_text=gettext_lazy("Such as too_many_purchases: reports and the cardholder's app name it."),
        error_messages={"invalid": gettext_lazy("Use 3 to 40 small letters, digits and underscores; a letter first.")},
    )  # fmt: skip
    sentence = forms.CharField(
        label=gettext_lazy("What the cardholder reads"), max_length=200, widget=AreaWidget({"rows": 2}),
        help_text=gettext_lazy("In English: what was wrong with the purchase, and what helps."),
    )  # fmt: skip

    allows_pass = forms.BooleanField(
        label=gettext_lazy("The cardholder may answer “it was me”: one retry at the same merchant then passes"),
        required=False,
        help_text=gettext_lazy("Only where it is theirs to say, such as a suspicion; never for what the law asks for."),
    )

    # The groups of the page, in its order.
    BASICS: Final = ("name", "applies_to", "cardholder", "card", "currency")
    COUNTING: Final = ("measure", "window", "trailing", "unit", "most", "per")
    ACTING: Final = ("action", "percent", "fixed", "part")
    NOTICE: Final = ("reason_code", "sentence", "allows_pass")

    def __init__(self, *args: Any, scope: str = "programme", **options: Any) -> None:
        self.scope = scope
        super().__init__(*args, **options)

    def basics(self) -> list[BoundField]:
        return self._group(self.BASICS)

    def counting_fields(self) -> list[BoundField]:
        return self._group(self.COUNTING)

    def acting_fields(self) -> list[BoundField]:
        return self._group(self.ACTING)

    def notice_fields(self) -> list[BoundField]:
        return self._group(self.NOTICE)

    def _group(self, names: Sequence[str]) -> list[BoundField]:
        return [self[name] for name in names if name in self.fields]

    @property
    def vocabulary(self) -> dict[str, Any]:
        """What can be compared with what, for the page's script."""
        return vocabulary.words()

    @property
    def vocabulary_rows(self) -> Iterable[dict[str, Any]]:
        return self.vocabulary.values()

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).upper()
        try:
            currency_exponent(currency)
        except MoneyError:
            raise forms.ValidationError(_("This is no currency: write its three letters, such as USD.")) from None
        return currency

    def clean(self) -> dict[str, Any] | None:
        """Reads the rows and the amounts; the last word has the definition itself, in its own sentence."""
        cleaned = super().clean()
        if "currency" not in self.cleaned_data:
            return cleaned
        self.read_rows(self.cleaned_data["currency"])
        if self.errors:
            return cleaned
        try:
            self.cleaned_data["definition"] = self._definition()
            compile_definition(self.cleaned_data["definition"], scope=self.scope)
        except DefinitionError as error:
            self.add_error(None, error.message)
        except _FieldError as error:
            self.add_error(error.field, error.sentence)
        return cleaned

    def _definition(self) -> dict[str, Any]:
        velocity = self._velocity()
        return {
            "when": self.conditions(),
            **({"velocity": velocity} if velocity else {}),
            "action": self._action(has_velocity=velocity is not None),
        }

    def _velocity(self) -> dict[str, Any] | None:
        found = self.cleaned_data
        measure, window = found.get("measure"), found.get("window") or "day"
        if not measure:
            return None
        is_amount = measure == AMOUNT
        if not found["most"]:
            raise _FieldError("most", _("Write how much or how often at most."))
        written: dict[str, Any] = {"measure": measure, "window": window, "per": found.get("per") or "card"}
        written["most"] = self._minor("most") if is_amount else self._whole("most")
        if is_amount:
            written["currency"] = found["currency"]
        if window == PURCHASE:
            written["per"] = "card"
        if window == TRAILING:
            if not found.get("trailing"):
                raise _FieldError("trailing", _("Write how long before each purchase is counted."))
            written["trailing_s"] = found["trailing"] * sentences.UNITS_S[found.get("unit") or "hours"]
        return written

    def _action(self, *, has_velocity: bool) -> dict[str, Any]:
        found = self.cleaned_data
        written: dict[str, Any] = {"kind": found["action"]}
        if found["action"] == ADJUST_HOLD:
            written |= {"percent": found.get("percent") or 0}
            written |= {"fixed_minor": self._minor("fixed") if found["fixed"] else 0}
        if found["action"] == APPROVE_IN_PART and not has_velocity:
            if not found["part"]:
                raise _FieldError("part", _("Write how much is approved at most."))
            written["most_minor"] = self._minor("part")
        return written

    def _minor(self, name: str) -> int:
        try:
            return parse_typed(self.cleaned_data[name], self.cleaned_data["currency"]).minor
        except MoneyError as error:
            raise _FieldError(name, f"{error.message}.") from None

    def _whole(self, name: str) -> int:
        text = self.cleaned_data[name].strip()
        if not text.isdecimal() or len(text) > 7:
            raise _FieldError(name, _("Write a whole number of purchases, such as 5."))
        return int(text)


class _FieldError(Exception):
    """What is wrong with one field, in a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field, self.sentence = field, sentence


def initial_of(version: ControlVersion) -> dict[str, Any]:
    """Returns what the form begins with for an existing version."""
    definition = version.definition
    currency = sentences.currency_of(definition)
    found: dict[str, Any] = {name: getattr(version, name) for name in ControlForm.NOTICE} | {"currency": currency}
    for number, each in enumerate(definition.get("when") or []):
        value = values.write(each["attribute"], each["operator"], each["value"], currency=currency)
        found |= ConditionRows.initial_of_row(number, each, value)
    velocity, action = definition.get("velocity"), definition["action"]
    if velocity:
        found |= {name: velocity[name] for name in ("measure", "window")} | {"per": velocity.get("per", "card")}
        is_amount = velocity["measure"] == AMOUNT
        found["most"] = typed(Money(velocity["most"], currency)) if is_amount else velocity["most"]
        if velocity["window"] == TRAILING:
            found["trailing"], found["unit"] = _span(velocity["trailing_s"])
    found |= {"action": action["kind"], "percent": action.get("percent")}
    for name, key in (("fixed", "fixed_minor"), ("part", "most_minor")):
        found[name] = typed(Money(action[key], currency)) if action.get(key) else ""
    return found


def _span(seconds: int) -> tuple[int, str]:
    """Returns a trailing window in the editor's units; one of odd seconds is rounded up to minutes."""
    number, unit = sentences.trailing(seconds)
    return (number, unit) if unit in UNITS else (-(-seconds // 60), "minutes")
