"""The page that asks which card would pay: a purchase, a wallet or chosen products, and each strategy's answer."""

import datetime as dt
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display
from onecard.kit.amount_field import parse_typed
from onecard.kit.countries import is_country
from onecard.kit.money import Money, MoneyError, currency_exponent
from onecard.kit.text import clean_text
from routing import explain, preview, strategy
from routing.admin import value_lines
from routing.models import MerchantCategory
from routing.valued.person import PersonFacts
from wallet.models import Cardholder, CardProduct, Preference

SEES_WALLETS: Final = "wallet.view_cardholder"
FIRST_DAY: Final = dt.date(2000, 1, 1)
YEARS_AHEAD: Final = 5
MOST_PRODUCTS: Final = 20
CHANNELS: Final = (("in_store", gettext_lazy("In a store")), ("online", gettext_lazy("Online")))


class AskedForm(forms.Form):
    """A purchase, and from which cards it is chosen: those of a login's wallet, and products as if they were in it."""

    mcc = forms.RegexField(r"^\d{4}$", label="MCC", error_messages={"invalid": gettext_lazy("An MCC has four digits.")})
    merchant = forms.CharField(required=False, max_length=120, label=gettext_lazy("Merchant"))
    amount = forms.CharField(max_length=20, label=gettext_lazy("Amount"))
    currency = forms.CharField(max_length=3, label=gettext_lazy("Currency"))
    day = forms.DateField(required=False, label=gettext_lazy("On this day"))
    country = forms.CharField(required=False, max_length=2, label=gettext_lazy("Country"))
    channel = forms.ChoiceField(choices=CHANNELS, required=False, label=gettext_lazy("Channel"))
    login = forms.CharField(required=False, max_length=254, label=gettext_lazy("Login or e-mail address"))
    products = forms.ModelMultipleChoiceField(
        CardProduct.objects.all(), required=False, label=gettext_lazy("Card products")
    )

    def __init__(self, *args: Any, may_see_wallets: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not may_see_wallets:
            del self.fields["login"]

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).upper()
        try:
            currency_exponent(code)
        except MoneyError as error:
            raise forms.ValidationError(f"{error.message}.") from None
        return code

    def clean_day(self) -> dt.date | None:
        day: dt.date | None = self.cleaned_data["day"]
        last = clock.now().date() + dt.timedelta(days=365 * YEARS_AHEAD)
        if day is not None and not FIRST_DAY <= day <= last:
            raise forms.ValidationError(_("The day must lie between %(first)s and %(last)s.") % _days(FIRST_DAY, last))
        return day

    def clean_country(self) -> str:
        code = str(self.cleaned_data["country"]).upper()
        if code and not is_country(code):
            raise forms.ValidationError(_("%(code)s is no country of ISO 3166-1, such as US.") % {"code": code})
        return code

    def clean_login(self) -> Cardholder | None:
        login = clean_text(self.cleaned_data["login"], limit=254)
        if not login:
            return None
        found = Cardholder.objects.filter(Q(user__username=login) | Q(user__email__iexact=login)).first()
        if found is None:
            raise forms.ValidationError(_("Nobody with a wallet has this login."))
        return found

    def clean_products(self) -> list[CardProduct]:
        products = list(self.cleaned_data["products"])
        if len(products) > MOST_PRODUCTS:
            raise forms.ValidationError(_("Choose %(most)s products at most.") % {"most": MOST_PRODUCTS})
        return products

    def clean(self) -> dict[str, Any]:
        """Reads the amount in its currency, and demands a wallet or products."""
        values = super().clean() or self.cleaned_data
        if "amount" in values and "currency" in values:
            try:
                values["money"] = parse_typed(values["amount"], values["currency"])
                if values["money"].minor <= 0:
                    self.add_error("amount", _("It must be more than zero."))
            except MoneyError as error:
                self.add_error("amount", f"{error.message}.")
        if not (self.errors or values.get("login") or values.get("products")):
            raise forms.ValidationError(_("Name a login, or choose products, or both."))
        return values


def show(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Shows the form, and once it is filled in each strategy's answer; it stores nothing."""
    if request.method != "GET" or not model_admin.has_view_permission(request):
        raise PermissionDenied
    may_see_wallets = request.user.has_perm(SEES_WALLETS)
    is_asked = "mcc" in request.GET
    form = AskedForm(request.GET if is_asked else None, may_see_wallets=may_see_wallets)
    is_valid = is_asked and form.is_valid()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("What if: which card would pay?"),
        "asked": {name: request.GET.get(name, "") for name in AskedForm.base_fields} if is_asked else BEGINS_WITH,
        "chosen_products": request.GET.getlist("products"),
        "channels": CHANNELS,
        "all_products": CardProduct.objects.order_by("name"),
        "may_see_wallets": may_see_wallets,
        "problems": _problems(form) if is_asked and not is_valid else [],
        "found": _found(form.cleaned_data) if is_valid else None,
    }
    return TemplateResponse(request, "admin/routing/rankingrow/what_if.html", context)


BEGINS_WITH: Final = {"currency": "USD", "channel": "in_store"}


def _problems(form: forms.Form) -> list[str]:
    """Returns each mistake behind the name of its field."""
    labels = {name: str(field.label) for name, field in form.fields.items()}
    return [
        f"{labels[name]}: {error}" if name in labels else str(error)
        for name, errors in form.errors.items()
        for error in errors
    ]


def _found(values: dict[str, Any]) -> dict[str, Any]:
    holder: Cardholder | None = values.get("login")
    amount: Money = values["money"]
    zone = holder.time_zone if holder else "UTC"
    asked = preview.purchase_on(
        zone, values["day"], mcc=values["mcc"], currency=amount.currency, merchant=values["merchant"],
        amount_minor=amount.minor, country=values["country"], is_online=values["channel"] == "online",
    )  # fmt: skip
    own = [preview.method_of(each) for each in preview.wallet_of(holder)] if holder else []
    methods = [*own, *preview.as_if_held(values["products"], currency=amount.currency, behind=own)]
    person = preview.person_of(holder, asked.at) if holder else PersonFacts()
    in_force = holder.preference if holder else Preference.VALUE
    answers = preview.compare(asked, methods, in_force=in_force, person=person)
    return {
        "holder": holder,
        "amount": amount,
        "category": MerchantCategory.objects.filter(code=asked.mcc).first(),
        "day": clock.local_day(asked.at, zone),
        "answers": [_shown(each, amount, is_of_person=holder is not None) for each in answers],
        "is_passed_through": strategy.is_passed_through(),
    }


def _shown(answer: preview.Answer, amount: Money, *, is_of_person: bool) -> dict[str, Any]:
    method = answer.choice.method
    card = method.name if method else ""
    return {
        "name": str(Preference(answer.strategy).label),
        "is_in_force": is_of_person and answer.is_in_force,
        "card": f"{card} •••• {method.last_four}" if method and method.last_four else card,
        "earned": "" if answer.earned is None else display.estimate(answer.earned, amount.currency),
        "sentence": answer.explanation.sentence,
        "candidates": explain.candidates(answer.trace, approved=True),
        "money": value_lines.lines(answer.explanation.value),
    }


def _days(first: dt.date, last: dt.date) -> dict[str, str]:
    return {"first": first.isoformat(), "last": last.isoformat()}
