"""Writes one answer of stand-in down as the decision that it was, whatever has happened to the purchase since.

A decline becomes a declined decision. An approval becomes an approval with its hold, obligation and charge, over a
limit as well: the issuer has it. What the issuer or a retry of the request brought first is completed, never doubled.
"""

import datetime as dt
import uuid
from typing import Any, Final

from audit import trail
from issuing import journal, locking, states
from issuing.authorizations import contradictions, decision_store, unknown_commits
from issuing.authorizations.facts import Facts
from issuing.authorizations.proposal import draft, propose
from issuing.billing import amount_due, position
from issuing.controls.definition import FLAG
from issuing.issuers.messages import AuthorizationRequest
from issuing.limits import holds
from issuing.limits.windows import windows_as_json
from issuing.models import Authorization, Decision, Provider
from issuing.stand_in import policy
from issuing.stand_in.entries import Entry
from onecard.kit.clock import Stopwatch, local_day
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from wallet import cases
from wallet.models import Case

ACTOR: Final = "system:stand_in"
MOST_ATTEMPTS: Final = 10
# Long enough for the rules to be read; nobody waits for the answer any more.
WITHIN_MS: Final = 10_000
# What a purchase is said to contradict when its issuer reported it before the answer was folded in.
OF_ORDER: Final = ("not_an_increment", "increment_of_unknown")


def write(entry: Entry) -> str:
    """Writes the answer down once; returns "declined", "approved", "known" for one that is there, or "contradicts".

    Raises django.db.DatabaseError, and then nothing has changed.
    """
    asked = entry.asked()
    with transaction():
        outcome = _write(entry, asked)
    if not entry.is_approval:
        # A commit that was given up on may have approved what was declined.
        unknown_commits.take_back_decisions(asked, [uuid.UUID(each) for each in entry.in_doubt])
    return outcome


def open_case_about_damage(file: str, lines: int) -> None:
    """Opens a case about lines that cannot be read: answers were given, and nobody knows which."""
    cases.open_case(
        kind=Case.Kind.ANSWERS_FAILING,
        reference=f"stand_in:{file}",
        money=cases.NO_MONEY,
        summary=(
            f"{lines} answer(s) that we gave without the database cannot be read: {file} in STAND_IN_DIR is damaged, "
            "or SECOND_FACTOR_KEYS lacks the key of that time. Approvals among them appear as approved without us."
        ),
    )


def open_case_about_silence(entry: Entry) -> None:
    """Opens a case about an approval of which nobody knows whether it was given, and whose issuer says nothing."""
    asked = entry.asked()
    cases.open_case(
        kind=Case.Kind.EVENT_CONTRADICTION,
        reference=f"stand_in:{entry.id}",
        money=Money(asked.amount_minor, asked.currency),
        summary=(
            f"Stand-in may have approved {asked.authorization_id}: the server died or its disk failed before the "
            "answer was marked as given. The issuer has not reported the purchase for a day. See there whether it was "
            "approved; if so, its events bring it as approved without us. Nothing was charged."
        ),
    )


def _write(entry: Entry, asked: AuthorizationRequest) -> str:
    with locking.locked_names(asked.provider, asked.authorization_id, issuer_card_id=asked.issuer_card_id) as purchases:
        known = purchases.get(asked.authorization_id)
        kind = _record(entry, asked)
        journal.write_of(provider=asked.provider, names=[asked.authorization_id])
        if kind != "recorded":
            return _compare(entry, asked, kind)
        purchase = Authorization.objects.get(provider=asked.provider, issuer_authorization_id=asked.authorization_id)
        _mark(entry, purchase)
        if known is not None and entry.is_approval:
            _complete(purchase, max(known.approved_minor, asked.amount_minor))
    return "approved" if entry.is_approval else "declined"


def _record(entry: Entry, asked: AuthorizationRequest) -> str:
    """Commits the decision by the statement of all decisions; returns its outcome."""
    for _ in range(MOST_ATTEMPTS):
        facts = decision_store.read(asked, remaining_ms=WITHIN_MS)
        proposal = _proposal(entry, asked, facts)
        result = decision_store.record(proposal, entry.masked_body(), remaining_ms=WITHIN_MS)
        if result.kind != "stale":
            return result.kind
    raise RuntimeError("The card keeps changing while its lock is held.")


def _proposal(entry: Entry, asked: AuthorizationRequest, facts: Facts) -> dict[str, Any]:
    """Returns what would be decided today, with the answer that was given in its place."""
    answered_at = dt.datetime.fromtimestamp(entry.answered_at, dt.UTC)
    watch = Stopwatch()
    made = draft(asked, facts, watch=watch)
    proposal = propose(made, decision_id=uuid.UUID(entry.id), watch=watch, counted_at=answered_at)
    given = {
        "now": answered_at.isoformat(),
        "decline_reason": entry.reason,
        "amount_minor": asked.amount_minor,
        "responses": {entry.reason: entry.response.decode()},
        "remaining_ms": WITHIN_MS,
        "original_mac": entry.original_mac,
        "from_balance_minor": 0,
        "stand_in": True,
        "trace": _trace(entry, proposal["trace"]),
        "timings_ms": {"stand_in": entry.elapsed_ms},
    }
    # The answer was for the whole amount, whatever a control would hold or let pass today.
    for name in ("headroom_minor", "passes"):
        proposal.pop(name, None)
    if contradictions.found(asked, facts) in OF_ORDER:
        proposal.pop("contradiction", None)
    if facts.card is not None:
        given |= windows_as_json(local_day(answered_at, facts.card.time_zone), facts.card.time_zone)
    return proposal | given | (_money(entry, asked, proposal) if entry.is_approval else {})


def _trace(entry: Entry, today: dict[str, Any]) -> dict[str, Any]:
    """Returns the trace without what controls would decline or cut today: they did not, since nobody asked them."""
    hits = [each for each in today.get("control_hits", ()) if each[2] or (each[1] == FLAG and entry.is_approval)]
    kept = {name: value for name, value in today.items() if name not in ("control", "control_hits", "asked_minor")}
    return kept | ({"control_hits": hits} if hits else {}) | {"stand_in": _circumstances(entry)}


def _circumstances(entry: Entry) -> dict[str, Any]:
    return {"reason": entry.reason, "snapshot_at": entry.snapshot_at, "in_doubt": entry.in_doubt}


def _money(entry: Entry, asked: AuthorizationRequest, proposal: dict[str, Any]) -> dict[str, Any]:
    """Returns the charge that the approval intends: to the card that routing chooses now, else to the snapshot's."""
    method = proposal.get("method_id") or entry.method_id
    if not (method and asked.amount_minor):
        return {"rule": policy.RULE}
    return {
        "rule": policy.RULE,
        "method_id": method,
        "policy": proposal.get("policy", "charge_now"),
        "obligation_public_id": proposal.get("obligation_public_id") or str(uuid.uuid4()),
        "charge_public_id": proposal.get("charge_public_id") or str(uuid.uuid4()),
        "idempotency_key": f"charge:{entry.id}:1",
    }


def _mark(entry: Entry, purchase: Authorization) -> None:
    """Marks the purchase, unless its issuer has said since that it or the network stood in; opens the case."""
    mine = Authorization.objects.filter(pk=purchase.pk, stood_in="")
    mine.update(stood_in=states.StoodIn.ONE_CARD)
    trail.record(
        actor=ACTOR,
        action="authorization.stood_in",
        subject=purchase,
        answer=entry.id,
        approved=entry.is_approval,
        reason=entry.reason or policy.RULE,
    )
    cases.open_case(
        kind=Case.Kind.ANSWERS_FAILING,
        reference=f"answers:{purchase.provider}",
        money=cases.NO_MONEY,
        summary=(
            f"We answered {Provider(purchase.provider).label} without our database, by stand-in. "
            f"First: {purchase.issuer_authorization_id}."
        ),
    )


def _complete(purchase: Authorization, approved_minor: int) -> None:
    """Brings the approval to where the issuer's own events have the purchase by now.

    What the issuer reported alone was held without a decision; now the decision holds it.
    """
    holds.release_without_us(purchase)
    Authorization.objects.filter(pk=purchase.pk).update(approved_minor=approved_minor)
    if not position.is_open(purchase):
        captured, _returned = position.moved_minor(purchase)
        is_declined = purchase.status == states.Authorization.DECLINED
        holds.shrink_to(purchase, 0 if is_declined else captured)
    amount_due.follow(purchase, actor=ACTOR)
    cases.resolve_cases(reference=purchase.reference, kinds=(Case.Kind.APPROVED_WITHOUT_US,))


def _compare(entry: Entry, asked: AuthorizationRequest, kind: str) -> str:
    """Compares the answer with what is in the books already; a case says what contradicts it."""
    last = Decision.objects.filter(
        authorization__provider=asked.provider,
        authorization__issuer_authorization_id=asked.authorization_id,
        round_key=asked.round_key,
    ).select_related("authorization").order_by("-pk").first()  # fmt: skip
    if last is not None and (str(last.public_id) == entry.id or last.approved or not entry.is_approval):
        return "known"
    if last is None and not entry.is_approval:
        return "known"
    purchase = last.authorization.reference if last else ""
    cases.open_case(
        kind=Case.Kind.EVENT_CONTRADICTION,
        reference=purchase or f"stand_in:{entry.id}",
        money=Money(asked.amount_minor, asked.currency),
        summary=(
            f"{asked.authorization_id} was approved by stand-in while the database did not answer, and the books have "
            f"another answer to it ({kind}). See at the issuer which one counts."
        ),
    )
    return "contradicts"
