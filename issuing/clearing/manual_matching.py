"""Saying by hand which purchase a movement is of, where its issuer did not, or contradicted itself; or of none."""

import contextlib
import datetime as dt
from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import locking
from issuing.billing import review_cases
from issuing.clearing import (
    card_transactions,
    dispute_matching,
    match_candidates,
    posting,
    refund_matching,
    standalone_purchase,
)
from issuing.clearing.match_candidates import candidates
from issuing.clearing.match_errors import LinkRefusedError, refuse
from issuing.clearing.transaction_rows import dispute_of
from issuing.models import Authorization, CardTransaction
from onecard.kit import clock, display
from onecard.kit.reasons import checked_reason
from onecard.kit.sentences import in_a_sentence

__all__ = ["LinkRefusedError", "candidates", "link_by_hand", "say_of_none", "why_not", "why_not_of_none"]

Type = CardTransaction.Type
# An issuer reports a refund's purchase within moments, or the hourly comparison finds it after an outage.
MAY_BE_REPORTED = dt.timedelta(days=1)
SAID = gettext_lazy("Somebody has just said of which purchase it is: look again.")


def link_by_hand(
    *, refund: CardTransaction, purchase: Authorization, reason: str, actor: str, by_two: bool = False
) -> None:
    """Joins a refund, or a movement that contradicts itself, with a purchase; what the cardholder pays follows.

    Of a dispute all that it moved is joined, and the dispute itself. `by_two` once a second person has agreed: nobody
    crosses cardholders alone. Safe when two do it at once. Raises LinkRefusedError, and then nothing has changed.
    """
    words = checked_reason(reason, error=LinkRefusedError)
    with locked(refund, purchase):
        kept = CardTransaction.objects.get(pk=refund.pk)
        refuse(why_not(kept) or why_not_there(kept, purchase, by_two=by_two))
        if not refund_matching.link(kept, purchase.pk, because=words, actor=actor):
            raise LinkRefusedError(SAID)
        _follow(kept, words, actor)


def say_of_none(*, refund: CardTransaction, reason: str, actor: str) -> None:
    """Records for good, on a person's word, that a movement belongs to no purchase here, as one before our time.

    A refund is booked by itself, and a case asks staff to pay it out to the cardholder. If the purchase that it names
    is reported later, the refund does not pay that purchase back once more. A capture that contradicts itself becomes a
    purchase of its own, and a case asks who pays it. Safe when two do it at once. Raises LinkRefusedError, and then
    nothing has changed.
    """
    words = checked_reason(reason, error=LinkRefusedError)
    with locked(refund, None):
        kept = CardTransaction.objects.get(pk=refund.pk)
        refuse(why_not_of_none(kept))
        if kept.transaction_type == Type.SETTLEMENT:
            _stand_alone(kept, words, actor)
        elif refund_matching.keep_apart(kept, because=words, actor=actor):
            posting.book_apart(kept)
            review_cases.open_case_without_purchase(
                reference=kept.reference, left=kept.money, merchant=kept.merchant_name
            )
        else:
            raise LinkRefusedError(SAID)


@contextlib.contextmanager
def locked(kept: CardTransaction, purchase: Authorization | None) -> Iterator[None]:
    """Locks what a link touches: the movement, what it names, its dispute, and the purchase that it gets."""
    with locking.locked_names(
        kept.provider,
        kept.issuer_transaction_id,
        kept.issuer_authorization_id,
        dispute_id=dispute_of(kept) if dispute_matching.is_of_dispute(kept) else "",
        purchases=[purchase] if purchase else [],
    ):
        yield


def why_not(kept: CardTransaction) -> str:
    """Returns why nobody can say which purchase a movement is of, in a sentence for staff; "" while that is needed."""
    matched = _why_matched(kept)
    if matched:
        return matched
    if not (refund_matching.is_unlinked(kept) or kept.is_contradicted):
        return _("Only a refund that names no purchase can be joined by hand: others find theirs by its name.")
    if kept.card_id or candidates(kept).exists():
        return ""
    return _("It is not known on which card this came, so there is nothing to choose from.")


def why_not_there(kept: CardTransaction, purchase: Authorization, *, by_two: bool) -> str:
    """Returns why it cannot be of that purchase, or ""."""
    noun = in_a_sentence(kept.get_transaction_type_display())
    if not candidates(kept).filter(pk=purchase.pk).exists():
        return _("That is no purchase of the %(noun)s's cardholder that a merchant has taken money for.") % {
            "noun": noun
        }
    if match_candidates.takes_two(kept, purchase) and not by_two:
        return _("That is another person's purchase than the %(noun)s's card: a second person has to agree.") % {
            "noun": noun
        }
    return ""


def why_not_of_none(kept: CardTransaction) -> str:
    """Returns why nobody can say that a movement is of no purchase here, in a sentence for staff.

    "" where it may be.
    """
    matched = _why_matched(kept)
    if matched:
        return matched
    is_capture = kept.transaction_type == Type.SETTLEMENT and kept.is_contradicted
    if not (kept.transaction_type == Type.REFUND or is_capture) or not kept.amount_minor:
        return _(
            "Only a refund, or a capture that contradicts itself, can be of no purchase here: what else moves money is "
            "of one."
        )
    if not kept.card_id:
        return _("It is not known on which card this came, so nobody knows whose it is. Sync the issuer first.")
    until = kept.recorded_at + MAY_BE_REPORTED
    if kept.issuer_authorization_id and not kept.contradiction and clock.now() < until:
        return _("It names %(issuer_authorization_id)s, which may yet be reported. Wait until %(until)s.") % {
            "issuer_authorization_id": kept.issuer_authorization_id,
            "until": display.moment(until),
        }
    return ""


def _follow(kept: CardTransaction, words: str, actor: str) -> None:
    """Its money, and what hangs on it: what names a capture, and what else a dispute moved."""
    if dispute_matching.is_of_dispute(kept):
        dispute_matching.join(kept, because=words, actor=actor)
        return
    posting.book(kept)
    card_transactions.take_along(kept)


def _stand_alone(kept: CardTransaction, words: str, actor: str) -> None:
    purchase = standalone_purchase.make(kept, because=words, actor=actor)
    if not refund_matching.link(kept, purchase.pk, because=words, actor=actor):
        raise LinkRefusedError(SAID)
    _follow(kept, words, actor)


def _why_matched(kept: CardTransaction) -> str:
    if kept.authorization_id is not None:
        return _("It is known already which purchase this is of.")
    if kept.of_no_purchase_at is not None:
        return _("Somebody has said already that this is of no purchase here.")
    if kept.source == CardTransaction.Source.LEGACY:
        return _("This is from an old document: what became of its money was settled before our time.")
    return ""
