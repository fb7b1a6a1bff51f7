"""What a person still has to do before their card pays, one step after the other."""

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from issuing import states
from onecard.person.onboarding.words import field_words
from onecard.users.models import User
from wallet.kyc import identity_status
from wallet.kyc.fields import EMAIL, TERMS
from wallet.models import Cardholder, FundingMethod
from wallet.states import KycStatus

DONE: Final = "done"
# The person's own turn; ours, or that of somebody else; and what has to wait for an earlier step.
NOW, WAITS, LATER = "now", "waits", "later"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is, how it stands, a sentence, and the page on which it is done ("" where there is none)."""

    title: str
    state: str
    words: str
    page: str = ""
    link: str = ""


def steps_of(person: User) -> list[Step]:
    """Returns the steps in their order; each says what is missing for it."""
    holder = Cardholder.objects.select_related("user").filter(user=person).first()
    found = identity_status.of(holder or Cardholder(user=person))
    return [_profile(found), _terms(found, holder), _identity(found), _funding_card(holder), _card(holder, found)]


def is_started(steps: list[Step]) -> bool:
    """Returns whether everything is done: the card can be used."""
    return all(each.state == DONE for each in steps)


def _profile(found: identity_status.IdentityStatus) -> Step:
    lacking = [name for name in found.missing if name not in (TERMS, EMAIL)]
    title, page = "Your profile", reverse("person:profile")
    if not lacking:
        return Step(title, DONE, "It is complete.", page, "Look at it")
    return Step(title, NOW, f"Still missing: {field_words(lacking)}.", page, "Fill it in")


def _terms(found: identity_status.IdentityStatus, holder: Cardholder | None) -> Step:
    title = "The terms of your card"
    if TERMS not in found.missing:
        return Step(title, DONE, "You accepted them.")
    if holder is None:
        return Step(title, LATER, "Begin your profile first.")
    return Step(title, NOW, "Read and accept them.", reverse("person:terms"), "To the terms")


def _identity(found: identity_status.IdentityStatus) -> Step:
    title, page = "Your identity", reverse("person:identity")
    if found.status == KycStatus.VERIFIED:
        return Step(title, DONE, found.sentence)
    if found.missing and found.status == KycStatus.NOT_STARTED:
        return Step(title, LATER, "We check it once your profile is complete and you accepted the terms.")
    if found.status in (KycStatus.PENDING, KycStatus.REJECTED):
        return Step(title, WAITS, found.sentence, page, "See more")
    return Step(title, NOW, found.sentence, page, "Go on")


def _funding_card(holder: Cardholder | None) -> Step:
    title = "A funding card"
    if holder is None:
        return Step(title, LATER, "Begin your profile first.")
    if holder.funding_methods.filter(status=FundingMethod.Status.ACTIVE).exists():
        return Step(title, DONE, "Your purchases can be paid.", reverse("person:wallet"), "To your wallet")
    return Step(
        title,
        NOW,
        "Add a credit or debit card of yours that pays your purchases.",
        reverse("person:wallet-add"),
        "Add one",
    )


def _card(holder: Cardholder | None, found: identity_status.IdentityStatus) -> Step:
    title = "Your One Card"
    card = holder.virtual_cards.exclude(status=states.Card.CLOSED).order_by("-pk").first() if holder else None
    if card is not None and card.status != states.Card.PENDING:
        return Step(title, DONE, "You have it.")
    if card is not None and card.issuer_card_id:
        page = reverse("person:card-activate", args=[card.public_id])
        return Step(title, NOW, "It is made. Activate it, and it can pay.", page, "Activate it")
    if card is not None:
        return Step(title, WAITS, "Its issuer is making it. Look again in a minute.")
    is_payable = holder is not None and holder.funding_methods.filter(status=FundingMethod.Status.ACTIVE).exists()
    if found.status == KycStatus.VERIFIED and not found.missing and is_payable:
        return Step(
            title,
            NOW,
            "Everything is there. Ask for it: it is made in a moment.",
            reverse("person:card-order"),
            "Ask for it",
        )
    return Step(title, LATER, "You can ask for it once your identity is verified and a funding card is added.")
