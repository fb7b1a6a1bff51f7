"""Unfreezes a card that was frozen for an unpaid purchase, once that purchase is paid.

Only that freeze is ended. While somebody froze the card for another reason too, or another purchase is unpaid, the
card stays frozen; its holder gets a freeze of their own back. `unfreeze` on the card's own page undoes everything.
"""

import uuid
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.utils.translation import gettext as _

from audit import trail
from issuing import locking, states
from issuing.billing import dunning
from issuing.cards import holder_rights
from issuing.cards import service as cards
from issuing.cards.comparison import REPEATED_FOR_ISSUER
from issuing.cards.restriction import MAKES_USABLE
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.kit.sentences import in_a_sentence
from onecard.kit.transactions import transaction
from onecard.users.models import User
from wallet.casework import desk as case_desk
from wallet.casework import rules as case_rules
from wallet.models import Case


class Unfrozen(StrEnum):
    """What became of the card."""

    ASKED = "asked"  # It was unfrozen, or its issuer still has to say yes.
    HOLDERS = "holders"  # It stays frozen, as its holder froze it themselves before.


def unfreeze(*, case: Case, user: User, reason: str) -> Unfrozen:
    """Ends the freeze of a paid receivable's card; the same press again is the same request.

    Raises CaseRefusedError when the card is not frozen for this case alone, and what `cards.unfreeze` raises; then
    nothing has changed. Raises TransactionError in a transaction.
    """
    words, card = case_desk.checked(reason), card_of(case)
    if card is None:
        raise case_desk.CaseRefusedError(_("There is no card behind this case."))
    key = uuid.uuid5(dunning.DEBTS, f"unfreeze card {card.pk}, case {case.pk}")
    if is_holders_too(card, case):
        _give_to_holder(card, case, user, words)
        return Unfrozen.HOLDERS
    check = partial(_check_and_note, case=case, user=user, words=words)
    cards.unfreeze(card=card, requested_by=case_desk.actor(user), key=key, check=check)
    return Unfrozen.ASKED


def card_of(case: Case) -> VirtualCard | None:
    """Returns the card whose purchase the case is about."""
    return dunning.card_of(case.obligation) if case.obligation else None


def why_not(case: Case) -> str:
    """Returns why the case's freeze cannot be ended, or ""."""
    not_paid = case_rules.why_not_paid(case)
    if not_paid:
        return not_paid
    card = card_of(case)
    return _("There is no card behind this case.") if card is None else _why_not_unfreeze(card, case)


def is_holders_too(card: VirtualCard, case: Case) -> bool:
    """Returns whether the card's holder had frozen it before it was frozen for this case, and nobody else has."""
    if _why_not_unfreeze(card, case):
        return False
    return any(holder_rights.is_holder(card.cardholder, each.requested_by) for each in _in_force(card))


def _check_and_note(locked: VirtualCard, *, case: Case, user: User, words: str) -> None:
    """Refuses under the card's lock, or writes the note in the commit of the request."""
    case_desk.refuse(why_not(case))
    if is_holders_too(locked, case):
        raise case_desk.CaseRefusedError(_("The card's holder has just frozen it too: look again."))
    facts = case_rules.read_facts(case)
    case_desk.note(facts, user, "case.card_unfrozen", words, summary=f"Unfreezing of {locked}", card=locked.pk)


def _give_to_holder(card: VirtualCard, case: Case, user: User, words: str) -> None:
    """Leaves the card frozen as its holder froze it, so that they can unfreeze it themselves."""
    with transaction():
        locked = locking.lock_card(card.pk)
        case_desk.refuse(why_not(case))
        rows = VirtualCard.objects.filter(pk=locked.pk, status=states.Card.FROZEN)
        rows.update(frozen_by=states.Stopper.HOLDER, updated_at=clock.now())
        actor = case_desk.actor(user)
        changes = {"frozen_by": [locked.frozen_by, states.Stopper.HOLDER]}
        trail.record(actor=actor, action="virtualcard.changed", subject=locked, changes=changes)
        facts, summary = case_rules.read_facts(case), f"{locked} is frozen by its holder alone"
        case_desk.note(facts, user, "case.card_left_to_holder", words, summary=summary, card=locked.pk)


def _why_not_unfreeze(card: VirtualCard, case: Case) -> str:
    if card.status != states.Card.FROZEN:
        state = in_a_sentence(card.get_status_display())
        return _("The card is %(state)s, so there is nothing to unfreeze.") % {"state": state}
    stopped_by = holder_rights.stopped_by(card)
    if stopped_by == states.Stopper.ISSUER:
        return _("The issuer stopped this card: only the issuer's word makes it usable again.")
    if stopped_by == states.Stopper.HOLDER:
        return _("Only its holder's own freeze is left: they unfreeze the card themselves.")
    freezes = _in_force(card)
    if dunning.freeze_key(card, case.pk) not in {each.key for each in freezes}:
        return _("The card was not frozen for this case, or that freeze has ended.")
    other_debt = _other_debt(card, case)
    if other_debt is not None:
        return _("Another purchase of this cardholder is not paid yet (case %(case)s).") % {"case": other_debt.pk}
    return _why_frozen_otherwise(card, freezes)


def _in_force(card: VirtualCard) -> list[CardChange]:
    """Returns the freezes since the card was usable last, oldest first, without repeats that the issuer needed."""
    usable = CardChange.objects.filter(card=card, kind__in=MAKES_USABLE, status=states.Change.DONE)
    last = usable.order_by("-pk").values_list("pk", flat=True).first() or 0
    freezes = CardChange.objects.filter(card=card, kind=CardChange.Kind.FREEZE, pk__gt=last)
    return list(freezes.exclude(reason__startswith=REPEATED_FOR_ISSUER).order_by("pk"))


def _other_debt(card: VirtualCard, case: Case) -> Case | None:
    if not settings.FREEZE_ON_RECEIVABLE:
        return None
    unpaid = Case.objects.filter(kind=Case.Kind.RECEIVABLE, status=Case.Status.OPEN)
    return unpaid.filter(obligation__cardholder=card.cardholder_id).exclude(pk=case.pk).first()


def _why_frozen_otherwise(card: VirtualCard, freezes: list[CardChange]) -> str:
    """Names the freeze of somebody else than the holder and the dunning; those of other debts are settled by now."""
    for each in freezes:
        if each.requested_by != dunning.ACTOR and not holder_rights.is_holder(card.cardholder, each.requested_by):
            return _(
                "The card was frozen for another reason too, on %(day)s: “%(reason)s” Unfreeze it on the card's own "
                "page once that is settled."
            ) % {"day": f"{each.created_at:%Y-%m-%d}", "reason": each.reason}
    return ""
