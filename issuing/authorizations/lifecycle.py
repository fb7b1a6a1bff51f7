"""An authorization after the answer: what the issuer reports of it, and the end of its holds."""

import logging

from django.db.models import F, Q, Value
from django.db.models.functions import Least

from audit import trail
from issuing import locking, states
from issuing.authorizations import close_out, rounds
from issuing.billing import amount_due, review_cases
from issuing.clearing import card_transactions
from issuing.inbox import references as event_references
from issuing.inbox.references import ContradictionError, Named
from issuing.issuers.messages import AuthorizationUpdate, MalformedEventError
from issuing.limits import holds
from issuing.models import Authorization, Decision, Provider
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction, transaction
from onecard.kit.transitions import sources_of
from wallet import cases
from wallet.models import Case

log = logging.getLogger(__name__)

NOTHING_BOUGHT = (states.Authorization.DECLINED, states.Authorization.REVERSED, states.Authorization.EXPIRED)


def apply_update(update: AuthorizationUpdate, *, wait_for_decision: bool) -> bool:
    """Records what the issuer says of an authorization; old or repeated news changes nothing (money-safety I10).

    An authorization that we never decided on is recorded from the news alone. When the news says that we were asked
    but our decision is not here, it may still be in its commit: then the answer is False, and the caller asks again.
    Raises ContradictionError, and changes nothing, for news that names things that do not belong together.
    """
    with transaction():
        card_id = locking.lock_issuer_card(update.provider, update.issuer_card_id)
        authorization = (
            Authorization.objects.select_for_update(no_key=True, of=("self",))
            .filter(provider=update.provider, issuer_authorization_id=update.authorization_id)
            .first()
        )
        refuse_contradiction(update)
        if authorization is None:
            if update.asked_us and wait_for_decision:
                return False
            authorization, is_other = _record_unseen(update, card_id), True
        else:
            if (
                update.provider != Provider.MARQETA
                and update.status == authorization.status == states.Authorization.APPROVED
            ):
                refuse_other_currency(authorization, update)
            is_other = _fill_in(authorization, update, card_id)
            _undo_declined(authorization, update)
            is_other |= _follow(authorization, update)
            # What an increment's decision asked for may have been asked for by a capture of more before.
            is_other |= update.approved_rounds > 1
        # What the merchant took may have been told before the purchase was.
        card_transactions.link(authorization)
        if is_other:
            amount_due.follow(authorization, actor=f"issuer:{update.provider}")
        return True


def refuse_contradiction(update: AuthorizationUpdate) -> None:
    """Raises ContradictionError for news that names another card than its purchase's, or another cardholder."""
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
    """Raises ContradictionError for news of more or less in a currency that is not the purchase's."""
    if update.amount_minor and update.currency not in ("", authorization.currency):
        name, was, now = authorization.issuer_authorization_id, authorization.currency, update.currency
        raise ContradictionError(
            f"{name} is in {was}, and its issuer tells an amount in {now}.", Money(update.amount_minor, now)
        )


def _follow(authorization: Authorization, update: AuthorizationUpdate) -> bool:
    """Moves to what is reported, if that is new; a merchant's money for which nothing of ours is held opens a case."""
    was, target = authorization.status, _reported_status(update)
    moved = was != target and move(authorization, target, actor=f"issuer:{update.provider}")
    paid = target == states.Authorization.APPROVED or (target == states.Authorization.SETTLED and update.amount_minor)
    if moved and paid and was in NOTHING_BOUGHT:
        # Told in another currency it is worth what somebody finds out (issuing/clearing/currency_conversion.py).
        told_minor = update.amount_minor if update.currency in ("", authorization.currency) else 0
        captured, _ = amount_due.moved_minor(authorization)
        if target == states.Authorization.SETTLED and 0 < captured < told_minor:
            # Nothing is held for the rest any more, and it is not asked for while a further capture is waited for.
            told_minor = captured
        Authorization.objects.filter(pk=authorization.pk).update(approved_minor=told_minor)
        if told_minor and not _was_ours(authorization):
            review_cases.open_case(authorization, amount_minor=told_minor)
    if moved and target == states.Authorization.SETTLED:
        authorization.refresh_from_db(fields=("approved_minor",))
        close_out.close(authorization)
    if was == target == states.Authorization.APPROVED and _is_partial_reversal(authorization, update):
        excess = authorization.approved_minor - update.amount_minor
        give_back(authorization, excess, actor=f"issuer:{update.provider}")
    if was == target == states.Authorization.APPROVED and _stands_for_more(authorization, update):
        Authorization.objects.filter(pk=authorization.pk).update(approved_minor=update.amount_minor)
        return True
    # What bought nothing after all was followed as it moved.
    return moved and target not in NOTHING_BOUGHT


def _is_partial_reversal(authorization: Authorization, update: AuthorizationUpdate) -> bool:
    """A total below ours, told by somebody who knows all of our approvals, before anything was captured (Stripe).

    What a capture does to the total is not documented, so after one nothing is concluded from it: settlement adjusts.
    """
    if update.currency not in ("", authorization.currency):
        return False
    if not 0 < update.amount_minor < authorization.approved_minor or not update.approved_rounds:
        return False
    standing = Decision.objects.filter(authorization=authorization, approved=True, corrected_by=None)
    known = standing.exclude(pk__in=[each.pk for each in rounds.declined(authorization, update)]).count()
    captured, _ = amount_due.moved_minor(authorization)
    return update.approved_rounds == known and captured == 0


def _stands_for_more(authorization: Authorization, update: AuthorizationUpdate) -> bool:
    """More of a purchase that its issuer approved by itself: its case follows. Stripe tells the new total."""
    is_total = update.provider != Provider.MARQETA and update.currency == authorization.currency
    return is_total and update.amount_minor > authorization.approved_minor and not _is_decided(authorization)


def _is_decided(authorization: Authorization) -> bool:
    """Whether we approved any round of it."""
    return Decision.objects.filter(authorization=authorization, approved=True).exists()


def add_unasked(authorization: Authorization, amount_minor: int, *, is_new: bool, actor: str) -> None:
    """The issuer approved so much more without us: of a purchase that is not ours at all its case follows.

    `is_new` where the message tells it for the first time, so that it adds once.
    """
    require_transaction("More of a purchase")
    if _is_decided(authorization):
        review_cases.open_case(authorization, amount_minor=amount_minor)
    elif is_new:
        mine = Authorization.objects.filter(pk=authorization.pk)
        mine.update(approved_minor=F("approved_minor") + amount_minor)
        authorization.refresh_from_db(fields=("approved_minor",))
        review_cases.open_case(authorization, amount_minor=authorization.approved_minor)
    amount_due.follow(authorization, actor=actor)


def _undo_declined(authorization: Authorization, update: AuthorizationUpdate) -> None:
    """Takes back what we approved too late: of a purchase that stands, its issuer declined an increment."""
    if not (update.ever_approved and update.declined_rounds):
        return
    for decision in rounds.declined(authorization, update):
        # What has ended before is not undone a second time, whatever has become of the purchase since.
        if decision.amount_minor and decision.hold.status == states.Hold.PLACED:
            undo_round(decision, actor=f"issuer:{update.provider}")
    authorization.refresh_from_db(fields=("status", "approved_minor", "settle_due_at"))


def _was_ours(authorization: Authorization) -> bool:
    """Whether we chose who pays once: then that card or balance pays again, and nobody has to ask whose money it is."""
    chosen = Q(obligation__isnull=False) | Q(from_balance_minor__gt=0)
    return Decision.objects.filter(chosen, authorization=authorization).exists()


def move(authorization: Authorization, target: str, *, actor: str) -> bool:
    """Moves an authorization along its table of legal moves, with its holds; False when the news is old."""
    require_transaction("An authorization's move")
    sources = sources_of(states.AUTHORIZATION_MOVES, target)
    rows = Authorization.objects.filter(pk=authorization.pk, status__in=sources)
    if rows.update(status=target, updated_at=clock.now()) != 1:
        return False
    trail.record(actor=actor, action=f"authorization.{target}", subject=authorization, was=authorization.status)
    if target in NOTHING_BOUGHT:
        _let_go(authorization, target)
        amount_due.follow(authorization, actor=actor)
        card_transactions.look_again(authorization)
    return True


def _let_go(authorization: Authorization, target: str) -> None:
    """Gives back what is held, but for what a merchant took before the rest fell away: that counts on the limits."""
    captured, returned = amount_due.moved_minor(authorization)
    kept = 0 if target == states.Authorization.DECLINED else captured
    if kept:
        holds.shrink_to(authorization, kept)
    else:
        holds.release_all(authorization)
    # What the issuer had approved by itself was held nowhere, and nobody has to pay it unless it was captured.
    mine = Authorization.objects.filter(pk=authorization.pk)
    mine.update(approved_minor=Least(F("approved_minor"), Value(kept)))
    if captured <= returned:
        cases.resolve_cases(reference=amount_due.reference(authorization), kinds=(Case.Kind.APPROVED_WITHOUT_US,))


def undo_round(decision: Decision, *, actor: str) -> None:
    """Takes one approved round back: the whole purchase falls when it was the only one, else what this one added."""
    purchase = decision.authorization
    others = Decision.objects.filter(authorization=purchase, approved=True, corrected_by=None).exclude(pk=decision.pk)
    if not (others.exists() or holds.held_without_us_minor(purchase)):
        move(purchase, states.Authorization.DECLINED, actor=actor)
    elif decision.amount_minor and holds.release(decision.hold):
        amount_due.follow(purchase, actor=actor)


def approve_less(decision: Decision, told_minor: int, *, actor: str) -> int:
    """The network approved a part of what we had: the rest is not held, and not owed. Call it once for each decision.

    Gives what was given back, in minor units. Once the purchase is settled or over, what was captured has decided
    already.
    """
    purchase, excess = decision.authorization, decision.amount_minor - told_minor
    purchase.refresh_from_db(fields=("status", "settle_due_at"))
    if excess > 0 and amount_due.is_open(purchase):
        return give_back(purchase, excess, actor=actor)
    return 0


def give_back(authorization: Authorization, amount_minor: int, *, actor: str) -> int:
    """A part of what is held is not needed any more (a partial reversal), so neither is that part of the charge.

    Gives what was given back, in minor units.
    """
    require_transaction("A partial reversal")
    authorization.refresh_from_db(fields=("approved_minor",))
    given = holds.shrink_to(authorization, max(0, authorization.approved_minor - amount_minor))
    trail.record(actor=actor, action="authorization.reduced", subject=authorization, amount_minor=given)
    amount_due.follow(authorization, actor=actor)
    card_transactions.look_again(authorization)
    return given


def _reported_status(update: AuthorizationUpdate) -> str:
    """Status decides, never the amount: an approved authorization of 0 is a reversal, not a decline."""
    if not update.ever_approved:
        return states.Authorization.DECLINED
    return update.status


def _record_unseen(update: AuthorizationUpdate, card_id: int | None) -> Authorization:
    """Writes down an authorization that the issuer decided without us, or whose request never reached us."""
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
        created_at=now,
        updated_at=now,
    )
    trail.record(
        actor=f"issuer:{update.provider}", action="authorization.reported", subject=authorization, status=status
    )
    if status not in NOTHING_BOUGHT and update.amount_minor:
        review_cases.open_case(authorization, amount_minor=authorization.approved_minor)
    return authorization


def _fill_in(authorization: Authorization, update: AuthorizationUpdate, card_id: int | None) -> bool:
    """Adds what the request did not carry yet, such as the authorization code, or the card of a decision made late.

    What is told beside the amount is taken over as it was told last: it decides nothing. True for a card, whose balance
    may pay from now on.
    """
    told = update.beside.said()
    missing: dict[str, object] = {name: value for name, value in told.items() if value != getattr(authorization, name)}
    if not authorization.authorization_code and update.authorization_code:
        missing["authorization_code"] = update.authorization_code
    if authorization.card_id is None and card_id is not None:
        missing["card_id"] = card_id
        authorization.card_id = card_id
    if missing:
        Authorization.objects.filter(pk=authorization.pk).update(**missing)
    return "card_id" in missing
