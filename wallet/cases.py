"""Opening and closing cases, which need a person."""

from django.db.models import Q

from audit import trail
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from wallet.models import Case, FundingObligation

ACTOR = "system:cases"
# The amount of a case that is about no money.
NO_MONEY = Money(0, "USD")


def open_case(
    *, kind: str, reference: str, money: Money, summary: str, obligation: FundingObligation | None = None
) -> Case:
    """Opens a case in the caller's transaction, unless one is open for the same kind and reference."""
    require_transaction(f"The case {kind}")
    case, is_new = Case.objects.get_or_create(
        kind=kind,
        reference=reference,
        status=Case.Status.OPEN,
        defaults={
            "obligation": obligation,
            "summary": summary[:300],
            "amount_minor": money.minor,
            "currency": money.currency,
            "opened_at": clock.now(),
        },
    )
    if is_new:
        trail.record(actor=ACTOR, action="case.opened", subject=case, kind=kind, reference=reference)
    return case


def resolve_cases(*, reference: str, kinds: tuple[str, ...]) -> int:
    """Closes the open cases of these kinds because what they asked for has happened, and returns how many."""
    require_transaction("The resolution of a case")
    resolved = 0
    for case in Case.objects.filter(reference=reference, kind__in=kinds, status=Case.Status.OPEN):
        mine = Case.objects.filter(pk=case.pk, status=Case.Status.OPEN)
        if mine.update(status=Case.Status.RESOLVED, resolved_at=clock.now()) == 1:
            trail.record(actor=ACTOR, action="case.resolved", subject=case, kind=case.kind, reference=reference)
            resolved += 1
    return resolved


def follow_amount(*, kind: str, reference: str, money: Money) -> None:
    """Updates the amount of the open case of this kind, if there is one, in the caller's transaction."""
    require_transaction(f"The case {kind}")
    for case in Case.objects.filter(kind=kind, reference=reference, status=Case.Status.OPEN):
        if case.currency == money.currency and case.amount_minor != money.minor:
            Case.objects.filter(pk=case.pk, status=Case.Status.OPEN).update(amount_minor=money.minor)
            trail.record(
                actor=ACTOR, action="case.amount_changed", subject=case, was=case.amount_minor, amount_minor=money.minor
            )


def keep_one(*, kind: str, reference: str, money: Money, summary: str) -> None:
    """Keeps one open case about this amount, none when it is zero, and never reopens one that a person closed."""
    require_transaction(f"The case {kind}")
    same = Case.objects.filter(kind=kind, reference=reference, amount_minor=money.minor, currency=money.currency)
    if money.minor and same.filter(Q(status=Case.Status.OPEN) | ~Q(resolution="")).exists():
        return
    resolve_cases(reference=reference, kinds=(kind,))
    if money.minor:
        open_case(kind=kind, reference=reference, money=money, summary=summary)


def open_obligation_case(*, kind: str, obligation: FundingObligation, summary: str, money: Money | None = None) -> Case:
    """Opens a case about an obligation. Its amount is what a charge would take, unless `money` is given."""
    return open_case(
        kind=kind,
        reference=f"obligation:{obligation.pk}",
        money=money or obligation.payable,
        summary=summary,
        obligation=obligation,
    )
