"""Both sides counted: is a purchase or a payment lost, was anything paid twice, and is all that is open explained?

The other sides' lists are the measure (tests/proofs/purchases/truth.py); of ours only the rows are read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection

from issuing.models import Authorization, CardTransaction
from issuing.reconcile import ledger_balances
from tests.proofs.purchases.truth import Name, Paid, Truth
from wallet.accounts import Account
from wallet.ledger import balances
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund, Posting

SHOWN = 12
ENDED_CHARGE = ("succeeded", "declined", "refused", "canceled")
ENDED_REFUND = ("succeeded", "failed", "canceled")
ENDED_OBLIGATION = ("funded", "released")
MONEY_BACK = ("refund", "chargeback")
CLEARING = """
SELECT reference, sum(CASE WHEN debit = 'purchases' THEN amount_minor ELSE -amount_minor END)::bigint
FROM wallet_posting WHERE debit = 'purchases' OR credit = 'purchases' GROUP BY reference, currency
HAVING sum(CASE WHEN debit = 'purchases' THEN amount_minor ELSE -amount_minor END) <> 0
"""
PURCHASE = "authorization:"


@dataclass(slots=True)
class Count:
    """What does not add up, each in a sentence, and sums in minor units by currency."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    explained: int = 0
    purchases: int = 0
    movements: int = 0
    charges: int = 0
    refunds: int = 0
    taken_by_merchants: Counter[str] = field(default_factory=Counter)
    paid_by_cards: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    wrong_in_ledger: list[str] = field(default_factory=list)
    cases: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing doubled, all explained, and every currency's accounts sum up to 0."""
        return not (
            self.lost or self.doubled or self.unexplained or self.wrong_in_ledger or any(self.accounts.values())
        )


@dataclass(slots=True)
class Ours:
    """Our rows by what the others call them."""

    purchase_of: dict[Name, str]
    movement: dict[Name, tuple[int, str, str]]
    charge: dict[str, tuple[str, str, int, str]]
    refund: dict[str, tuple[str, str, int]]
    obligation_of: dict[str, str]
    # What a charge took along of other purchases, and what each purchase left to a later charge, in minor units.
    carried_by: dict[str, int]
    carried_of: Counter[str]
    has_case: set[str]


def count(truth: Truth) -> Count:
    """Compares everything with everything."""
    ours, made = _ours(), Count()
    _issuers(truth, ours, made)
    _processor(truth, ours, made)
    _net(truth, ours, made)
    _clearing(ours, made)
    _ends(made)
    for balance in balances.moved():
        made.accounts[balance.currency] += balance.minor
    made.wrong_in_ledger = [problem.said for problem in (*ledger_check.check(), *ledger_balances.check())]
    made.cases = Counter(Case.objects.filter(status=Case.Status.OPEN).values_list("kind", flat=True))
    return made


def _issuers(truth: Truth, ours: Ours, made: Count) -> None:
    made.purchases, made.movements = len(truth.approved), len(truth.movements)
    made.lost += [
        f"{name} is approved there, and no purchase here" for name in truth.approved - ours.purchase_of.keys()
    ]
    for moved in truth.movements:
        known = ours.movement.get(moved.name)
        if known is None or known[:2] != (moved.minor, moved.currency):
            made.lost.append(f"{moved.name} moved {moved.minor} {moved.currency} there; here is {known}")
    invented = ours.movement.keys() - {moved.name for moved in truth.movements}
    made.lost += [f"{name} is here, and not at its issuer" for name in invented]


def _processor(truth: Truth, ours: Ours, made: Count) -> None:
    """Each payment there is one of ours that succeeded with the same amount, and no obligation was paid twice."""
    made.charges, made.refunds = len(truth.charges), len(truth.refunds)
    paid: defaultdict[str, list[Paid]] = defaultdict(list)
    for charge in truth.charges:
        paid[ours.obligation_of.get(charge.ours, charge.id)].append(charge)
    for obligation, charges in paid.items():
        if len(charges) > 1:
            made.doubled.append(f"obligation {obligation} was paid by {[each.id for each in charges]}")
        for charge in charges[:1]:
            known = ours.charge.get(charge.id)
            if known is None or known[2] + ours.carried_by.get(charge.id, 0) != charge.minor:
                made.lost.append(f"{charge.id} took {charge.minor} there; here is {known}")
    for refund in truth.refunds:
        if ours.refund.get(refund.id, ("", "", -1))[2] != refund.minor:
            made.lost.append(f"{refund.id} gave {refund.minor} back there; here is {ours.refund.get(refund.id)}")
    invented = ours.charge.keys() - {charge.id for charge in truth.charges}
    invented |= ours.refund.keys() - {refund.id for refund in truth.refunds}
    made.lost += [f"{key} is here, and not at the processor" for key in invented]


def _net(truth: Truth, ours: Ours, made: Count) -> None:
    """Of each purchase: what funding cards paid for it is what merchants took, unless an open case says why not."""
    net: Counter[str] = Counter()
    for moved in truth.movements:
        made.taken_by_merchants[moved.currency] += moved.minor
        linked = ours.movement.get(moved.name, (0, "", ""))[2]
        purchase = ours.purchase_of.get(moved.purchase, "") if moved.purchase else linked
        net[purchase or f"{moved.name}"] += moved.minor
    for charge in truth.charges:
        made.paid_by_cards[charge.currency] += charge.minor
        # What a charge took along is of other purchases, which are settled where it was set down.
        net[ours.charge.get(charge.id, ("", charge.id))[1]] -= charge.minor - ours.carried_by.get(charge.id, 0)
    for refund in truth.refunds:
        made.paid_by_cards[refund.currency] -= refund.minor
        net[ours.refund.get(refund.id, ("", refund.id))[1]] += refund.minor
    for purchase, minor in ours.carried_of.items():
        net[purchase] -= minor
    _explain(
        ((key, f"{key}: merchants took {minor} more than was paid") for key, minor in net.items() if minor), ours, made
    )


def _clearing(ours: Ours, made: Count) -> None:
    with connection.cursor() as cursor:
        cursor.execute(CLEARING)
        left = [(key, f"{key}: {minor} are left in clearing") for key, minor in cursor.fetchall()]
    _explain(left, ours, made)


def _explain(found: Iterable[tuple[str, str]], ours: Ours, made: Count) -> None:
    for key, said in found:
        if key in ours.has_case:
            made.explained += 1
        else:
            made.unexplained.append(said)


def _ends(made: Count) -> None:
    """What has not come to its end needs a case that says so."""
    known = set(Case.objects.filter(status=Case.Status.OPEN).values_list("obligation_id", flat=True))
    of = ("obligation__status", "obligation__purchase", "obligation_id")
    owed = FundingObligation.objects.exclude(status__in=ENDED_OBLIGATION)
    charges = FundingCharge.objects.exclude(status__in=ENDED_CHARGE).values_list("pk", "status", *of)
    refunds = FundingRefund.objects.exclude(status__in=ENDED_REFUND).values_list("pk", "status", *of)
    for what, rows in (
        ("obligation", owed.values_list("pk", "status", "status", "purchase", "pk")),
        ("charge", charges),
        ("refund", refunds),
    ):
        made.unexplained += [
            f"{what} {pk} is {status}, its obligation {owed_status}: {purchase}"
            for pk, status, owed_status, purchase, obligation_id in rows
            if obligation_id not in known
        ]


def _ours() -> Ours:
    purchases = Authorization.objects.values_list("pk", "provider", "issuer_authorization_id")
    moved = CardTransaction.objects.values_list(
        "provider", "issuer_transaction_id", "transaction_type", "amount_minor", "currency", "authorization_id"
    )
    charges = FundingCharge.objects.filter(status="succeeded").select_related("obligation")
    refunds = FundingRefund.objects.filter(status="succeeded").values_list(
        "processor_refund_id", "obligation_id", "obligation__purchase", "amount_minor"
    )
    return Ours(
        purchase_of={(provider, name): f"{PURCHASE}{pk}" for pk, provider, name in purchases},
        movement={
            (provider, name): (-minor if kind in MONEY_BACK else minor, currency, f"{PURCHASE}{pk}" if pk else "")
            for provider, name, kind, minor, currency, pk in moved
        },
        charge={
            str(each.processor_charge_id): (
                str(each.obligation_id),
                each.obligation.purchase,
                each.obligation.payable.minor,
                each.obligation.currency,
            )
            for each in charges.iterator()
        },
        refund={str(name): (str(pk), purchase, minor) for name, pk, purchase, minor in refunds},
        obligation_of={
            str(name): str(pk) for name, pk in FundingCharge.objects.values_list("public_id", "obligation_id")
        },
        carried_by={str(each.processor_charge_id): each.carried_minor for each in charges.exclude(carried_minor=0)},
        carried_of=_carried(),
        has_case=_explained(),
    )


def _carried() -> Counter[str]:
    carried: Counter[str] = Counter()
    for reference, credit, minor in Posting.objects.filter(kind=Posting.Kind.CARRIED).values_list(
        "reference", "credit", "amount_minor"
    ):
        carried[reference] += minor if credit == Account.PURCHASES else -minor
    return carried


def _explained() -> set[str]:
    """The purchases, and the movements without one, that an open case is about, however it names them.

    What the reconciliation alone has found is what is to be proved, and explains nothing.
    """
    movements = {
        f"card_transaction:{pk}": (f"{PURCHASE}{purchase}" if purchase else f"{(provider, name)}")
        for pk, purchase, provider, name in CardTransaction.objects.values_list(
            "pk", "authorization_id", "provider", "issuer_transaction_id"
        )
    }
    found = set()
    known = Case.objects.filter(status=Case.Status.OPEN).exclude(kind=Case.Kind.RECONCILIATION)
    for reference, purchase in known.values_list("reference", "obligation__purchase"):
        found |= {purchase or "", movements.get(reference, reference)}
    return found - {""}


def shown(sentences: list[str]) -> list[str]:
    """The first of them."""
    return sentences[:SHOWN]
