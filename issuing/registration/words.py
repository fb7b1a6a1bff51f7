"""What each finding means, in a sentence, how bad it is, and what to do: shown to whoever looks, in their language."""

from dataclasses import dataclass
from typing import Final, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.issuers.registration import Finding
from onecard.kit.words import Words

FindingState = Literal["good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """The sentence is filled in with the finding's values."""

    state: FindingState
    sentence: Words


MEANINGS: Final[dict[str, Meaning]] = {
    "address_answers": Meaning("good", gettext_lazy("%(url)s answered in %(took_ms)s ms.")),
    "address_silent": Meaning("bad", gettext_lazy("%(url)s did not answer from here (%(why)s).")),
    "endpoint_right": Meaning("good", gettext_lazy("%(id)s sends all %(count)s events that we need to %(url)s.")),
    "endpoint_missing": Meaning("bad", gettext_lazy("No endpoint at Stripe leads to %(url)s.")),
    "endpoint_disabled": Meaning("bad", gettext_lazy("%(id)s is disabled, so Stripe reports nothing.")),
    "endpoint_elsewhere": Meaning("bad", gettext_lazy("%(id)s sends to %(found)s, which is not us.")),
    "endpoint_version": Meaning(
        "bad", gettext_lazy("%(id)s sends API version %(found)s, which is not read here; it must be %(wanted)s.")
    ),
    "endpoint_without_version": Meaning(
        "bad", gettext_lazy("%(id)s has no API version of its own and follows the account's; it must have %(wanted)s.")
    ),
    "endpoint_left_over": Meaning(
        "warn", gettext_lazy("%(id)s leads to us as well, in an API version that is not read here.")
    ),
    "events_missing": Meaning("bad", gettext_lazy("%(id)s lacks events that we need: %(events)s.")),
    "events_extra": Meaning("warn", gettext_lazy("%(id)s has events that nothing here handles: %(events)s.")),
    "webhook_right": Meaning("good", gettext_lazy("%(id)s sends all events that we need to %(url)s.")),
    "webhook_missing": Meaning("bad", gettext_lazy("No webhook at Marqeta leads to %(url)s.")),
    "webhook_inactive": Meaning("bad", gettext_lazy("%(id)s is not active, so Marqeta reports nothing.")),
    "webhook_elsewhere": Meaning("bad", gettext_lazy("%(id)s sends to %(found)s, which is not us.")),
    "webhook_unsigned": Meaning(
        "bad", gettext_lazy("%(id)s has no secret, and we refuse what is not signed with MARQETA_WEBHOOK_SECRET.")
    ),
    "gateway_right": Meaning("good", gettext_lazy("%(id)s is active, and asks %(url)s.")),
    "gateway_missing": Meaning("bad", gettext_lazy("No gateway source asks %(url)s, so every purchase is declined.")),
    "gateway_inactive": Meaning("bad", gettext_lazy("%(id)s is not active, so every purchase is declined.")),
    "gateway_elsewhere": Meaning("bad", gettext_lazy("%(id)s asks %(found)s, which is not us.")),
    "product_right": Meaning("good", gettext_lazy("%(id)s asks our gateway, and refunds go through it.")),
    "product_missing": Meaning("bad", gettext_lazy("There is no card product %(id)s.")),
    "product_inactive": Meaning("bad", gettext_lazy("%(id)s is not active, so no card can be made of it.")),
    "product_without_jit": Meaning("bad", gettext_lazy("%(id)s does not ask our gateway: JIT funding is off.")),
    "product_without_source": Meaning("bad", gettext_lazy("%(id)s names no gateway source that exists.")),
    "refunds_elsewhere": Meaning("bad", gettext_lazy("%(id)s does not send refunds through the gateway (%(found)s).")),
}
UNKNOWN: Final = Meaning("warn", gettext_lazy("It was checked by another version of the product."))


def state_of_finding(finding: Finding) -> FindingState:
    return MEANINGS.get(finding.code, UNKNOWN).state


def in_words(finding: Finding) -> str:
    """Returns the finding's sentence in the reader's language."""
    sentence = str(MEANINGS.get(finding.code, UNKNOWN).sentence)
    try:
        return sentence % finding.values
    except KeyError:
        return _("It was checked by another version of the product.")
