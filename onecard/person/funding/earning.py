"""What its owner says of a card's rewards: quarters that they activated, categories that they chose, and its dates."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.kit import clock
from onecard.person.form_page import FormPage
from onecard.person.funding.wallet import own_method
from onecard.person.page import PersonPage
from routing.catalogue import offers
from routing.value.periods import quarter_of
from wallet.methods import changes
from wallet.models import FundingMethod

CHOICE: Final = "choice_"


class RewardsForm(forms.Form):
    """Asks only what the card's terms depend on, and the two dates that say when its caps begin anew."""

    def __init__(self, data: Any, card: FundingMethod, quarters: list[str]) -> None:
        super().__init__(data)
        self.offer, self.card, self.shown = offers.of_card(card), card, quarters
        if self.offer.activations:
            self.fields["quarters"] = forms.MultipleChoiceField(
                label="Activated with your bank for", choices=[(each, _words(each)) for each in quarters],
                widget=forms.CheckboxSelectMultiple, required=False, initial=list(card.activations),
                help_text="Its bonus of a quarter counts only once you activated it with the card's bank.",
            )  # fmt: skip
        for choice in self.offer.choices:
            self.fields[CHOICE + choice.bonus] = forms.MultipleChoiceField(
                label=f"Categories at a rate of {choice.rate}, as you chose them with your bank",
                choices=[(tag, offers.label_of(tag)) for tag in choice.options],
                widget=forms.CheckboxSelectMultiple, required=False, initial=card.choices.get(choice.bonus, []),
                help_text=f"At most {choice.pick}.",
            )  # fmt: skip
        self.fields["statement_day"] = forms.IntegerField(
            label="Day on which its statement begins", min_value=1, max_value=31, required=False,
            initial=card.statement_day, help_text="Monthly limits of a bonus begin anew on it. Empty: on the first.",
        )  # fmt: skip
        self.fields["opened_on"] = forms.DateField(
            label="Opened on", required=False, initial=card.opened_on, widget=forms.DateInput({"type": "date"}),
            help_text="Limits of a year as a customer begin anew on it. Empty: with the calendar year.",
        )  # fmt: skip

    def wanted(self) -> dict[str, Any]:
        """Returns what was said, for `changes.change`; quarters that the form does not show stay."""
        given = self.cleaned_data
        said = {name: given[name] for name in ("statement_day", "opened_on")}
        if self.offer.activations:
            kept = [each for each in self.card.activations if each not in self.shown]
            said["activated_quarters"] = [*kept, *given["quarters"]]
        if self.offer.choices:
            said["choices"] = {each.bonus: given[CHOICE + each.bonus] for each in self.offer.choices}
        return said


class CardRewards(FormPage, PersonPage):
    """Of one card; it counts where purchases are decided by value."""

    menu = "account"
    title = "Its rewards"
    back = "person:wallet"
    template = "funding/rewards"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> RewardsForm:
        self.card = own_method(self.holder, self.kwargs["public_id"])
        today = clock.local_day(clock.now(), self.holder.time_zone)
        return RewardsForm(data, self.card, [quarter_of(today), _following(quarter_of(today))])

    def save(self, request: HttpRequest, form: RewardsForm) -> HttpResponse:
        wanted = form.wanted()

        def check(card: FundingMethod) -> None:
            offers.check_choices(card, wanted.get("choices", {}))

        changes.change(self.holder, self.card.pk, actor=f"user:{self.person.pk}", check=check, **wanted)
        messages.success(request, "Saved. It counts from your next purchase on.")
        return redirect("person:wallet-card", self.card.public_id)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"title": f"{self.card.name}: its rewards", "card": self.card}


def _words(quarter: str) -> str:
    first = int(quarter[-1]) * 3 - 2
    names = ("January", "April", "July", "October"), ("March", "June", "September", "December")
    return f"{names[0][first // 3]} to {names[1][first // 3]} {quarter[:4]}"


def _following(quarter: str) -> str:
    year, number = int(quarter[:4]), int(quarter[-1])
    return f"{year + number // 4}Q{number % 4 + 1}"
