"""How staff enter an amount by hand: checked, and above a threshold agreed to by a second person.

`enter` stores the amount with who entered it and why. Up to the threshold it is carried out in the same commit; above
the threshold it waits until somebody else agrees. What one person entered alone for one cardholder within a day is
added up, so that nobody can split an amount. The database refuses a second person who is the first
(`amount_agreed_by_another`, `amount_applied_by_two_people`).

Each kind registers once how it is carried out (`register`), in the commit that makes it count. The caller checks
permissions.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.reasons import checked_reason
from onecard.kit.sentences import in_a_sentence
from onecard.kit.transactions import lock_name, require_transaction, savepoint, transaction
from onecard.second_factor import trust
from onecard.users.models import User
from wallet import reference_rates
from wallet.models import Cardholder, EnteredAmount

Kind, Status = EnteredAmount.Kind, EnteredAmount.Status
TOGETHER_FOR: Final = dt.timedelta(hours=24)
# Amounts of these kinds are added up. Raised limits move no money: only the new limit is judged.
ADDS_UP: Final = (Kind.CONVERSION, Kind.TOP_UP, Kind.REFUND, Kind.OWN_MONEY)


class EnteredRefusedError(OneCardError):
    """The amount cannot be entered or agreed to. The message says why, for staff."""

    code = "entered_amount_refused"


@dataclass(frozen=True, slots=True)
class KindHandler:
    """How a kind of amount is carried out.

    `check` runs before the transaction, `lock` takes the locks in it, and `apply` does the work. Each raises a
    OneCardError with a sentence when the amount cannot be carried out; then nothing has changed.
    """

    apply: Callable[[EnteredAmount], object]
    lock: Callable[[EnteredAmount], None] = lambda _entered: None
    check: Callable[[EnteredAmount], None] = lambda _entered: None


_handlers: dict[str, KindHandler] = {}


def register(kind: str, handler: KindHandler) -> None:
    """Registers how amounts of a kind are carried out. The app that owns the kind calls it when it is loaded."""
    _handlers[kind] = handler


def enter(
    *,
    kind: str,
    reference: str,
    cardholder: Cardholder | None,
    amount: Money,
    reason: str,
    user: User,
    details: dict[str, Any] | None = None,
    always_two: bool = False,
) -> EnteredAmount:
    """Stores an amount that a person entered and carries it out, or leaves it to a second person: see its status.

    `always_two` is for an amount that the caller cannot judge. Raises EnteredRefusedError and what the kind's handler
    raises.
    """
    words = checked_reason(reason, error=EnteredRefusedError)
    with transaction():
        if kind in ADDS_UP:
            _lock(cardholder.pk if cardholder else None)
        needs_second = always_two or _takes_two(kind, amount, cardholder, user)
        entered = _write(
            kind=kind,
            reference=reference,
            cardholder=cardholder,
            amount_minor=amount.minor,
            currency=amount.currency,
            details=details or {},
            reason=words,
            needs_second=needs_second,
            status=Status.PROPOSED if needs_second else Status.APPLIED,
            entered_by=user,
            ended_at=None if needs_second else clock.now(),
        )
        _note(entered, user, "proposed" if needs_second else "entered", words)
        if not needs_second:
            _handlers[kind].apply(entered)
    return entered


def agree(*, entered: EnteredAmount, user: User, reason: str, shown_minor: int) -> EnteredAmount:
    """Carries the amount out on a second person's word, if it is the amount that the page showed.

    Raises EnteredRefusedError, also for the person who entered it and for a suspended person (trust.py), and what the
    kind's handler raises.
    """
    words, handler = checked_reason(reason, error=EnteredRefusedError), _handlers[entered.kind]
    suspended = trust.why_not_trusted(user)
    if suspended:
        raise EnteredRefusedError(suspended)
    handler.check(entered)
    with transaction():
        fresh = _opened(entered)
        if trust.is_one_person(fresh.entered_by, user):
            raise EnteredRefusedError(gettext_lazy("You entered it yourself: a second person has to agree."))
        if fresh.amount_minor != shown_minor:
            raise EnteredRefusedError(gettext_lazy("Another amount was proposed than the one you saw: look again."))
        _end(fresh, Status.APPLIED, agreed_by=user)
        _note(fresh, user, "agreed", words)
        handler.apply(fresh)
    return fresh


def withdraw(*, entered: EnteredAmount, user: User, reason: str) -> None:
    """Takes a proposal back or refuses it. Raises EnteredRefusedError when it no longer waits."""
    words = checked_reason(reason, error=EnteredRefusedError)
    with transaction():
        fresh = _opened(entered)
        _end(fresh, Status.WITHDRAWN)
        _note(fresh, user, "not_agreed", words)


def waiting(kind: str, reference: str) -> EnteredAmount | None:
    """Returns the amount of this kind that waits for a second person, or None."""
    rows = EnteredAmount.objects.filter(kind=kind, reference=reference, status=Status.PROPOSED)
    return rows.select_related("entered_by").first()


def is_too_much_alone(kind: str, amount: Money) -> bool:
    """Returns whether this amount by itself takes two people; without a reference rate it always does."""
    cents = reference_rates.in_dollars(amount)
    return cents is None or cents > _threshold(kind)


def two_person_notice(kind: str, currency: str) -> str:
    """Returns what a form says about a second person before the amount is entered."""
    most = reference_rates.from_dollars(_threshold(kind), currency)
    if most is None:
        sentence = _(
            "Every amount in %(currency)s takes a second person who approves it, and you cannot be that person."
        )
        return sentence % {"currency": currency}
    shown = str(most)
    limit = shown if currency == reference_rates.DOLLAR else _("about %(amount)s") % {"amount": shown}
    sentence = _("More than %(limit)s takes a second person who approves it, and you cannot be that person.")
    if kind == Kind.OWN_MONEY:
        sentence = _(
            "More than %(limit)s, alone or with what else you entered of our own money within a day, takes a second "
            "person who approves it, and you cannot be that person."
        )
    elif kind in ADDS_UP:
        sentence = _(
            "More than %(limit)s, alone or with what you entered for the same cardholder within a day, takes a second "
            "person who approves it, and you cannot be that person."
        )
    return sentence % {"limit": limit}


def actors(entered: EnteredAmount) -> str:
    """Returns who entered the amount, and who agreed, as the audit trail names them."""
    names = [f"user:{entered.entered_by_id}", *([f"user:{entered.agreed_by_id}"] if entered.agreed_by_id else [])]
    return "+".join(names)


def _takes_two(kind: str, amount: Money, cardholder: Cardholder | None, user: User) -> bool:
    if is_too_much_alone(kind, amount):
        return True
    if kind not in ADDS_UP:
        return False
    since = clock.now() - TOGETHER_FOR
    mine = EnteredAmount.objects.filter(
        cardholder=cardholder, entered_by=user, entered_at__gt=since, status=Status.APPLIED, kind__in=ADDS_UP
    )
    alone = [reference_rates.in_dollars(row.money) for row in mine.filter(needs_second=False)]
    cents = [*alone, reference_rates.in_dollars(amount)]
    return sum(each or 0 for each in cents) > _threshold(kind)


def _threshold(kind: str) -> int:
    """Returns the threshold in US cents."""
    return int(settings.TWO_PERSON_LIMITS_ABOVE if kind == Kind.LIMITS else settings.TWO_PERSON_ABOVE)


def _lock(cardholder_id: int | None) -> None:
    """Makes two people who enter amounts for one cardholder wait for each other, before any row is locked."""
    lock_name(f"onecard.entered:{cardholder_id}")


def _write(**columns: Any) -> EnteredAmount:
    try:
        with savepoint():
            return EnteredAmount.objects.create(entered_at=clock.now(), **columns)
    except IntegrityError:
        first = waiting(columns["kind"], columns["reference"])
        if first is None:
            raise
        raise EnteredRefusedError(
            format_lazy(
                gettext_lazy(
                    "{entered_by} has proposed {money} for it already: a second person may agree, or it is "
                    "withdrawn first."
                ),
                entered_by=first.entered_by.get_username(),
                money=str(first.money),
            )
        ) from None


def _opened(entered: EnteredAmount) -> EnteredAmount:
    """Returns the proposal, locked after everything that its handler locks."""
    require_transaction("The end of a proposal")
    if entered.kind in ADDS_UP:
        _lock(entered.cardholder_id)
    _handlers[entered.kind].lock(entered)
    fresh = EnteredAmount.objects.select_for_update(no_key=True).get(pk=entered.pk)
    if fresh.status != Status.PROPOSED:
        raise EnteredRefusedError(
            format_lazy(
                gettext_lazy("This waits for nobody any more: {status}."),
                status=in_a_sentence(Status(fresh.status).label),
            )
        )
    return fresh


def _end(fresh: EnteredAmount, status: str, *, agreed_by: User | None = None) -> None:
    fresh.status, fresh.agreed_by, fresh.ended_at = status, agreed_by, clock.now()
    changes = {"status": status, "agreed_by": agreed_by, "ended_at": fresh.ended_at}
    if EnteredAmount.objects.filter(pk=fresh.pk, status=Status.PROPOSED).update(**changes) != 1:
        raise EnteredRefusedError(gettext_lazy("Somebody else has just ended this proposal: look again."))


def _note(entered: EnteredAmount, user: User, verb: str, words: str) -> None:
    trail.record(
        actor=f"user:{user.pk}",
        action=f"amount.{verb}",
        subject=entered,
        kind=entered.kind,
        reference=entered.reference,
        amount_minor=entered.amount_minor,
        currency=entered.currency,
        reason=words,
    )
