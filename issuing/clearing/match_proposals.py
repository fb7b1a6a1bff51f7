"""What a person says of a link: done at once within one cardholder, and between two once a second person agrees."""

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from issuing.clearing import manual_matching, match_candidates, match_correction
from issuing.clearing.match_errors import LinkRefusedError, refuse
from issuing.models import Authorization, CardTransaction
from onecard.kit.reasons import checked_reason
from onecard.users.models import User
from wallet.entered import amounts as entered_amounts
from wallet.entered.amounts import Kind, KindHandler
from wallet.models import EnteredAmount


def install() -> None:
    """Says how a proposal is carried out."""
    entered_amounts.register(Kind.LINK, KindHandler(_apply, lock=_lock))


def say(*, movement: CardTransaction, purchase: Authorization | None, reason: str, user: User) -> EnteredAmount | None:
    """Joins a movement with a purchase, moves it to another one, or to none; None once that is done.

    What crosses cardholders waits as a proposal, which is given: a second person agrees to it under Entered amounts,
    and nothing has happened before. Raises LinkRefusedError and EnteredRefusedError, and then nothing has changed.
    """
    words = checked_reason(reason, error=LinkRefusedError)
    if not match_candidates.takes_two(movement, purchase):
        _carry_out(movement, purchase, reason=words, actor=f"user:{user.pk}", by_two=False)
        return None
    refuse(_why_impossible(movement, purchase))
    return entered_amounts.enter(
        kind=Kind.LINK,
        reference=movement.reference,
        cardholder=match_candidates.holder_of(movement),
        amount=movement.money,
        reason=words,
        user=user,
        details={
            "was": movement.authorization_id,
            "authorization": purchase.pk if purchase else None,
            "from": _in_words(movement.authorization),
            "to": _in_words(purchase),
        },
        always_two=True,
    )


def _why_impossible(movement: CardTransaction, purchase: Authorization | None) -> str:
    """Returns what would be refused even with a second person's word."""
    if movement.authorization_id is not None:
        return match_correction.why_not(movement) or match_correction.why_not_there(movement, purchase, by_two=True)
    if purchase is None:
        return manual_matching.why_not_of_none(movement)
    return manual_matching.why_not(movement) or manual_matching.why_not_there(movement, purchase, by_two=True)


def _carry_out(
    movement: CardTransaction, purchase: Authorization | None, *, reason: str, actor: str, by_two: bool
) -> None:
    if movement.authorization_id is not None:
        match_correction.relink(movement=movement, purchase=purchase, reason=reason, actor=actor, by_two=by_two)
    elif purchase is not None:
        manual_matching.link_by_hand(refund=movement, purchase=purchase, reason=reason, actor=actor, by_two=by_two)
    else:
        manual_matching.say_of_none(refund=movement, reason=reason, actor=actor)


def _apply(entered: EnteredAmount) -> None:
    movement, purchase = _about(entered)
    if movement.authorization_id != entered.details["was"]:
        raise LinkRefusedError(
            format_lazy(
                gettext_lazy("{changed} Withdraw this, and propose it anew."), changed=str(match_correction.CHANGED)
            )
        )
    actor = entered_amounts.actors(entered)
    _carry_out(movement, purchase, reason=entered.reason, actor=actor, by_two=True)


def _lock(entered: EnteredAmount) -> None:
    """Locks what carrying it out needs, before the proposal itself; the locks last until the transaction ends."""
    movement, purchase = _about(entered)
    module = match_correction if movement.authorization_id is not None else manual_matching
    with module.locked(movement, purchase):
        pass


def _about(entered: EnteredAmount) -> tuple[CardTransaction, Authorization | None]:
    movement = CardTransaction.objects.get(pk=int(entered.reference.partition(":")[2]))
    return movement, Authorization.objects.filter(pk=entered.details["authorization"]).first()


def _in_words(purchase: Authorization | None) -> str:
    if purchase is None:
        return "no purchase"
    whose = f" of {purchase.card.cardholder}" if purchase.card else ""
    return f"{purchase}{whose} ({purchase.issuer_authorization_id})"
