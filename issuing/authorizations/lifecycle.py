"""An authorization after the answer: applies the issuer's updates and ends its holds."""

import logging

from django.db.models import F, Q, Value
from django.db.models.functions import Least

from audit import trail
from issuing import locking, states
from issuing.authorizations import close_out, decline_notices, failed_answers, issuer_reasons, rounds, stood_in
from issuing.billing import amount_due, position, review_cases
from issuing.clearing import card_transactions
from issuing.inbox import references as event_references
from issuing.inbox.references import ContradictionError, Named
from issuing.issuers.messages import AuthorizationUpdate, MalformedEventError
from issuing.limits import holds
from issuing.models import Authorization, Decision, Provider, VirtualCard
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transitions import sources_of
from wallet import cases
from wallet.models import Case

log = logging.getLogger(__name__)

NOTHING_BOUGHT = (states.Authorization.DECLINED, states.Authorization.REVERSED, states.Authorization.EXPIRED)


def apply_update(update: AuthorizationUpdate, authorization: Authorization | None, *, wait_for_decision: bool) -> bool:
    """Applies an issuer's update of an authorization; an old or repeated update changes nothing (money-safety I10).

    Call it under the lock of what the update names; `authorization` is the row that the lock gave, or None without one.
    An authorization that we never decided on is recorded from the update alone. When the update says that the issuer
    asked us but our decision is not here yet, it may still be committing: then this returns False, and the caller tries
    again. Raises ContradictionError, and changes nothing, for an update that names things that do not belong together.
    """
    locking.require_names(update.provider, update.authorization_id)
    refuse_contradiction(update)
    card_id = _card_of(update)
    if authorization is None:
        if update.asked_us and wait_for_decision:
            return False
        authorization, is_other = _record_unseen(update, card_id), True
    else:
        is_other = _apply(update, authorization, card_id)
    failed_answers.note(update, authorization)
    stood_in.note(update, authorization)
    # Captures may have been reported before the purchase.
    card_transactions.link(authorization)
    if is_other:
        amount_due.follow(authorization, actor=f"issuer:{update.provider}")
    return True


def _apply(update: AuthorizationUpdate, authorization: Authorization, card_id: int | None) -> bool:
    """Applies the update to the known authorization; True when the amount due has to follow."""
    is_approved = update.status == authorization.status == states.Authorization.APPROVED
    if is_approved and update.provider != Provider.MARQETA:
        refuse_other_currency(authorization, update)
    is_other = _fill_in(authorization, update, card_id)
    _undo_declined(authorization, update)
    is_other |= _follow(authorization, update)
    # A larger capture may have asked for the increment's amount already.
    return is_other or update.approved_rounds > 1


def _card_of(update: AuthorizationUpdate) -> int | None:
    if not update.issuer_card_id:
        return None
    cards = VirtualCard.objects.filter(issuer_provider=update.provider, issuer_card_id=update.issuer_card_id)
    return cards.values_list("pk", flat=True).first()


def refuse_contradiction(update: AuthorizationUpdate) -> None:
    """Raises ContradictionError for an update that names another card or cardholder than its purchase's."""
    why = event_references.contradiction(
        Named(
            provider=update.provider,
            card=update.issuer_card_id,
            cardholder=update.issuer_cardholder_id,
            purchase=update.authorization_id,
        )
    )
    if why:
        raise ContradictionError(why, Money(update.amount_minor, update.currency or "USD"))


def refuse_other_currency(authorization: Authorization, update: AuthorizationUpdate) -> None:
    """Raises ContradictionError for an amount in a currency that is not the purchase's."""
    if update.amount_minor and update.currency not in ("", authorization.currency):
        name, was, now = authorization.issuer_authorization_id, authorization.currency, update.currency
        raise ContradictionError(
            f"{name} is in {was}, and its issuer reports an amount in {now}.", Money(update.amount_minor, now)
        )


def _follow(authorization: Authorization, update: AuthorizationUpdate) -> bool:
    """Moves to the reported status, if that is new; opens a case for approved money that we never held."""
    was, target = authorization.status, _reported_status(update)
    moved = was != target and move(authorization, target, actor=f"issuer:{update.provider}")
    if moved and target == states.Authorization.DECLINED:
        issuer_reasons.keep(update, authorization)
        decline_notices.by_issuer(authorization, authorization.approved_minor)
    paid = target == states.Authorization.APPROVED or (target == states.Authorization.SETTLED and update.amount_minor)
    if moved and paid and was in NOTHING_BOUGHT:
        # An amount in another currency counts once it is converted (issuing/clearing/currency_conversion.py).
        reported_minor = update.amount_minor if update.currency in ("", authorization.currency) else 0
        captured, _ = position.moved_minor(authorization)
        if target == states.Authorization.SETTLED and 0 < captured < reported_minor:
            # The rest is no longer held, and not charged while another capture is expected.
            reported_minor = captured
        Authorization.objects.filter(pk=authorization.pk).update(approved_minor=reported_minor)
        if reported_minor and not _was_ours(authorization):
            review_cases.open_case(authorization, amount_minor=reported_minor)
    if moved and target == states.Authorization.SETTLED:
        authorization.refresh_from_db(fields=("approved_minor",))
        close_out.close(authorization)
    if was == target == states.Authorization.APPROVED and _is_partial_reversal(authorization, update):
        excess = authorization.approved_minor - update.amount_minor
        give_back(authorization, excess, actor=f"issuer:{update.provider}")
    if was == target == states.Authorization.APPROVED and _stands_for_more(authorization, update):
        Authorization.objects.filter(pk=authorization.pk).update(approved_minor=update.amount_minor)
        return True
    # A purchase that was reversed or declined was adjusted by its move.
    return moved and target not in NOTHING_BOUGHT


def _is_partial_reversal(authorization: Authorization, update: AuthorizationUpdate) -> bool:
    """Whether the new total is below ours, from an issuer that knows all our approvals, before any capture (Stripe).

    It is not documented how a capture changes the total, so after one nothing is concluded from it: close-out adjusts.
    """
    if update.currency not in ("", authorization.currency):
        return False
    if not 0 < update.amount_minor < authorization.approved_minor or not update.approved_rounds:
        return False
    in_force = Decision.objects.filter(authorization=authorization, approved=True, corrected_by=None)
    known = in_force.exclude(pk__in=[each.pk for each in rounds.declined(authorization, update)]).count()
    captured, _ = position.moved_minor(authorization)
    return update.approved_rounds == known and captured == 0


def _stands_for_more(authorization: Authorization, update: AuthorizationUpdate) -> bool:
    """Returns whether the issuer raised the total of a purchase that it approved alone; its case follows.

    Stripe reports totals.
    """
    is_total = update.provider != Provider.MARQETA and update.currency == authorization.currency
    return is_total and update.amount_minor > authorization.approved_minor and not _is_decided(authorization)


def _is_decided(authorization: Authorization) -> bool:
    """Returns whether we approved any round of the purchase."""
    return Decision.objects.filter(authorization=authorization, approved=True).exists()


def add_unasked(authorization: Authorization, amount_minor: int, *, is_new: bool, actor: str) -> None:
    """Adds an amount that the issuer approved without us; if we approved nothing of the purchase, its case follows.

    `is_new` is true for the first message about the amount, so that it is added once.
    """
    locking.require_purchase(authorization)
    if _is_decided(authorization):
        review_cases.open_case(authorization, amount_minor=amount_minor)
    elif is_new:
        mine = Authorization.objects.filter(pk=authorization.pk)
        mine.update(approved_minor=F("approved_minor") + amount_minor)
        authorization.refresh_from_db(fields=("approved_minor",))
        review_cases.open_case(authorization, amount_minor=authorization.approved_minor)
    amount_due.follow(authorization, actor=actor)


def _undo_declined(authorization: Authorization, update: AuthorizationUpdate) -> None:
    """Takes back late approvals: the purchase stands, and its issuer declined these increments."""
    if not (update.ever_approved and update.declined_rounds):
        return
    for decision in rounds.declined(authorization, update):
        # A hold that has ended is not undone a second time, whatever happened to the purchase since.
        if decision.amount_minor and decision.hold.status == states.Hold.PLACED:
            undo_round(decision, actor=f"issuer:{update.provider}")
    authorization.refresh_from_db(fields=("status", "approved_minor", "settle_due_at"))


def _was_ours(authorization: Authorization) -> bool:
    """Returns whether we ever chose who pays. Then the same card or balance pays again, and no case is needed."""
    chosen = Q(obligation__isnull=False) | Q(from_balance_minor__gt=0)
    return Decision.objects.filter(chosen, authorization=authorization).exists()


def move(authorization: Authorization, target: str, *, actor: str) -> bool:
    """Moves an authorization along its table of legal moves, with its holds; False when the update is old."""
    locking.require_purchase(authorization)
    sources = sources_of(states.AUTHORIZATION_MOVES, target)
    rows = Authorization.objects.filter(pk=authorization.pk, status__in=sources)
    if rows.update(status=target, updated_at=clock.now()) != 1:
        return False
    trail.record(actor=actor, action=f"authorization.{target}", subject=authorization, was=authorization.status)
    if target in NOTHING_BOUGHT:
        _let_go(authorization, target)
        amount_due.follow(authorization, actor=actor)
        card_transactions.link_waiting_refunds(authorization)
    return True


def _let_go(authorization: Authorization, target: str) -> None:
    """Releases the holds, except for an amount captured before the rest was released: that counts in the limits."""
    captured, returned = position.moved_minor(authorization)
    kept = 0 if target == states.Authorization.DECLINED else captured
    if kept:
        holds.shrink_to(authorization, kept)
    else:
        holds.release_all(authorization)
    # We held nothing for what the issuer approved alone, and nobody pays for it unless it was captured.
    mine = Authorization.objects.filter(pk=authorization.pk)
    mine.update(approved_minor=Least(F("approved_minor"), Value(kept)))
    if captured <= returned:
        cases.resolve_cases(reference=authorization.reference, kinds=(Case.Kind.APPROVED_WITHOUT_US,))


def undo_round(decision: Decision, *, actor: str) -> None:
    """Takes back one approved round: the whole purchase if it was the only one, else the amount that it added."""
    purchase = decision.authorization
    locking.require_purchase(purchase)
    others = Decision.objects.filter(authorization=purchase, approved=True, corrected_by=None).exclude(pk=decision.pk)
    if not (others.exists() or holds.held_without_us_minor(purchase)):
        move(purchase, states.Authorization.DECLINED, actor=actor)
    elif decision.amount_minor and holds.release(decision.hold):
        amount_due.follow(purchase, actor=actor)


def approve_less(decision: Decision, reported_minor: int, *, actor: str) -> int:
    """Releases what the network did not approve of our approved amount. Call it once for each decision.

    Returns the released amount in minor units. Once the purchase is settled or over, the captures have decided already.
    """
    purchase, excess = decision.authorization, decision.amount_minor - reported_minor
    locking.require_purchase(purchase)
    purchase.refresh_from_db(fields=("status", "settle_due_at"))
    if excess > 0 and position.is_open(purchase):
        return give_back(purchase, excess, actor=actor)
    return 0


def give_back(authorization: Authorization, amount_minor: int, *, actor: str) -> int:
    """Releases a part of the hold that is no longer needed (a partial reversal), and reduces the charge by it.

    Returns the released amount in minor units.
    """
    locking.require_purchase(authorization)
    authorization.refresh_from_db(fields=("approved_minor",))
    given = holds.shrink_to(authorization, max(0, authorization.approved_minor - amount_minor))
    trail.record(actor=actor, action="authorization.reduced", subject=authorization, amount_minor=given)
    amount_due.follow(authorization, actor=actor)
    card_transactions.link_waiting_refunds(authorization)
    return given


def _reported_status(update: AuthorizationUpdate) -> str:
    """Returns whether it was approved. The status decides, not the amount: an approval of 0 is a reversal."""
    if not update.ever_approved:
        return states.Authorization.DECLINED
    return update.status


def _record_unseen(update: AuthorizationUpdate, card_id: int | None) -> Authorization:
    """Records an authorization that the issuer decided without us, or whose request never reached us."""
    if not update.currency:
        raise MalformedEventError("The authorization is new to us, and its currency is missing or unknown.")
    now, status = clock.now(), _reported_status(update) or states.Authorization.APPROVED
    authorization = Authorization.objects.create(
        provider=update.provider,
        issuer_authorization_id=update.authorization_id,
        card_id=card_id,
        status=status,
        approved_minor=0 if status in NOTHING_BOUGHT else update.amount_minor,
        currency=update.currency,
        mcc=update.merchant.mcc,
        merchant_name=update.merchant.name,
        merchant_category=update.merchant.category,
        merchant_city=update.merchant.city,
        merchant_country=update.merchant.country,
        merchant_network_id=update.merchant.network_id,
        authorization_code=update.authorization_code,
        **update.beside.columns(),
        **(issuer_reasons.columns(update, card_id) if status == states.Authorization.DECLINED else {}),
        created_at=now,
        updated_at=now,
    )
    trail.record(
        actor=f"issuer:{update.provider}", action="authorization.reported", subject=authorization, status=status
    )
    if status == states.Authorization.DECLINED:
        decline_notices.by_issuer(authorization, authorization.declined_minor)
    if status not in NOTHING_BOUGHT and update.amount_minor:
        review_cases.open_case(authorization, amount_minor=authorization.approved_minor)
    return authorization


def _fill_in(authorization: Authorization, update: AuthorizationUpdate, card_id: int | None) -> bool:
    """Adds what the request did not carry, such as the authorization code, or the card of a decision made late.

    Other amounts are taken from the latest update; they decide nothing. True if the card is new, since its balance may
    pay from now on.
    """
    stated = update.beside.said()
    missing: dict[str, object] = {
        name: value for name, value in stated.items() if value != getattr(authorization, name)
    }
    if not authorization.authorization_code and update.authorization_code:
        missing["authorization_code"] = update.authorization_code
    if authorization.card_id is None and card_id is not None:
        missing["card_id"] = card_id
        authorization.card_id = card_id
    if missing:
        Authorization.objects.filter(pk=authorization.pk).update(**missing)
    return "card_id" in missing
