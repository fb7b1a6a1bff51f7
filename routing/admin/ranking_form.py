"""The form of one ranking in a draft: which card at which MCC, what it earns, and when."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.confirmation_pages import SelectWidget, TextWidget
from onecard.kit.money import Money
from routing.models import MerchantCategory, RankingChange, RankingDraft, RankingRow, RewardType
from routing.rankings.entry import FEE_BELOW, RATE_BELOW, FieldError, RankingEntry, read_card_name
from wallet.models import CardProduct, Network

NEW_DRAFT: Final = "new"


class DayWidget(TextWidget):
    """A browser's own picker of a day."""

    input_type = "date"

    def format_value(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.date) else value


class RankingForm(forms.Form):
    """A whole ranking. `ranked` is an existing one: its key stays, and the form asks for the values alone."""

    draft = forms.ChoiceField(label=gettext_lazy("Draft"), widget=SelectWidget)
    mcc = forms.RegexField(r"^[0-9]{4}$", label="MCC", widget=TextWidget({"inputmode": "numeric"}))
    card = forms.ChoiceField(label=gettext_lazy("Card"), widget=SelectWidget)
    card_name = forms.CharField(
        label=gettext_lazy("Card that the source names"), required=False, max_length=120, widget=TextWidget
    )
    reward_rate = forms.DecimalField(
        label=gettext_lazy("Rate"), min_value=0, max_value=RATE_BELOW - 1, max_digits=7, decimal_places=3,
        localize=True, widget=TextWidget({"inputmode": "decimal"}),
        help_text=gettext_lazy("Units per whole currency unit: 4 is 4 points a dollar, or 4 % cash back."),
    )  # fmt: skip
    reward_type = forms.ChoiceField(label=gettext_lazy("Pays in"), choices=RewardType.choices, widget=SelectWidget)
    annual_fee = forms.DecimalField(
        label=gettext_lazy("Annual fee in US dollars"), min_value=0, max_value=FEE_BELOW - 1, decimal_places=2,
        localize=True, initial=0, widget=TextWidget({"inputmode": "decimal"}),
    )  # fmt: skip
    valid_from = forms.DateField(label=gettext_lazy("First day"), required=False, widget=DayWidget)
    valid_to = forms.DateField(
        label=gettext_lazy("Last day"), required=False, widget=DayWidget,
        help_text=gettext_lazy("Both days are included; empty is open."),
    )  # fmt: skip

    def __init__(
        self,
        *args: Any,
        draft: RankingDraft | None = None,
        drafts: Sequence[RankingDraft] = (),
        ranked: RankingRow | RankingChange | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.ranked = ranked
        if draft is not None:
            del self.fields["draft"]
        else:
            _choices(self, "draft", [*((str(each.pk), each.title) for each in drafts), (NEW_DRAFT, _("A new draft"))])
        if ranked is None:
            _choices(self, "card", _cards())
            return
        for name in ("mcc", "card", "card_name", "valid_from"):
            del self.fields[name]

    def clean_mcc(self) -> str:
        mcc = str(self.cleaned_data["mcc"])
        if not MerchantCategory.objects.filter(code=mcc).exists():
            raise forms.ValidationError(_("This MCC is not on the list of merchant categories: add it there first."))
        return mcc

    def clean_card_name(self) -> str:
        try:
            return read_card_name(self.cleaned_data["card_name"], _("The name"))
        except FieldError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        first = self.ranked.valid_from if self.ranked else cleaned.get("valid_from")
        if first and cleaned.get("valid_to") and first > cleaned["valid_to"]:
            self.add_error("valid_to", _("The last day lies before the first one."))
        return cleaned

    def entry(self) -> RankingEntry:
        """Returns the ranking of a valid form."""
        values = self.cleaned_data
        return RankingEntry(
            line=0,
            **self._key(values),
            reward_rate=values["reward_rate"],
            reward_type=values["reward_type"],
            annual_fee_minor=int(values["annual_fee"].scaleb(2)),
            valid_to=values["valid_to"],
        )

    def _key(self, values: dict[str, Any]) -> dict[str, Any]:
        if self.ranked is not None:
            names = ("mcc", "product_id", "network", "card_name", "valid_from")
            return {name: getattr(self.ranked, name) for name in names}
        kind, key = values["card"].split(":", 1)
        subject = {"product_id": int(key), "network": ""} if kind == "p" else {"product_id": None, "network": key}
        return {name: values[name] for name in ("mcc", "card_name", "valid_from")} | subject


def initial_of(ranked: RankingRow | RankingChange) -> dict[str, Any]:
    """Returns the values that the form starts with for an existing ranking."""
    rate = ranked.reward_rate
    return {
        "reward_rate": Decimal(f"{rate.normalize():f}") if rate is not None else "",
        "reward_type": ranked.reward_type,
        "annual_fee": Money(ranked.annual_fee_minor, "USD").major,
        "valid_to": ranked.valid_to,
    }


def _choices(form: forms.Form, name: str, choices: Any) -> None:
    field: Any = form.fields[name]
    field.choices = choices


def _cards() -> list[tuple[str, list[tuple[str, str]]]]:
    products = CardProduct.objects.order_by("name", "pk").values_list("pk", "name")
    return [
        (_("A whole network"), [(f"n:{value}", str(label)) for value, label in Network.choices]),
        (_("One card product"), [(f"p:{key}", name) for key, name in products]),
    ]
