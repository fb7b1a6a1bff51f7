"""The timeline of one purchase in plain words, for a terminal."""

from collections.abc import Iterator
from decimal import Decimal

from issuing.models import Decision
from onecard.demo import value_beside
from onecard.demo.purchase import Report
from onecard.kit import display
from onecard.kit.money import Money
from onecard.notices.models import Notice
from routing import accounts, rewards
from routing.models import MerchantCategory
from routing.valued import explaining
from routing.words import LEFT_OUT, RULES
from wallet import states

MCC_NOTE = (
    "An estimate: our processor account has one merchant code, so the funding card's issuer may see that one\n"
    "instead of the merchant's. The switch of the processor account says which holds."
)

# In the order in which they happen; `record` runs in the database, up to its commit.
STEPS = ("verify", "decode", "read", "choose", "record")


def render(report: Report) -> str:
    """Returns the whole timeline of one purchase, with the milliseconds of each step."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield from _purchase(report)
    decision = report.decision
    if decision is None:
        yield ""
        yield f"The issuer declined by itself and did not ask us: {report.issuer_reason}"
        return
    yield from _answer(report, decision)
    yield from _candidates(decision)
    yield from _by_value(decision)
    yield from _milliseconds(report, decision)
    if decision.from_balance_minor:
        yield ""
        yield f"Balance       {Money(decision.from_balance_minor, decision.currency)} from the card's own balance"
    if report.charge is not None:
        yield from _charge(report)
        yield from _reward(decision)
    yield from _notice(decision)


def _notice(decision: Decision) -> Iterator[str]:
    """What the person's feed says of it."""
    for notice in Notice.objects.filter(cause=f"decision:{decision.public_id}"):
        yield ""
        yield f"Notice        {notice.text}"


def _purchase(report: Report) -> Iterator[str]:
    authorization = report.authorization
    category = MerchantCategory.objects.filter(code=authorization.mcc).first()
    money = report.decision.money if report.decision else Money(authorization.approved_minor, authorization.currency)
    yield f"Purchase      {authorization.merchant_name}, MCC {category or authorization.mcc}"
    card = authorization.card or "an unknown card"
    yield f"              {money} with {card}, {authorization.issuer_authorization_id}"


def _answer(report: Report, decision: Decision) -> Iterator[str]:
    yield ""
    if decision.approved:
        yield "Decision      APPROVED"
        yield f"              {RULES.get(decision.rule, decision.rule)} ({decision.rule})"
    else:
        yield f"Decision      DECLINED: {decision.decline_reason}"
    heard = "approved" if report.issuer_approved else "declined"
    yield f"Issuer        {heard} ({report.issuer_reason}), {report.issuer_ms:.1f} ms from tap to answer"


def _candidates(decision: Decision) -> Iterator[str]:
    candidates = decision.trace.get("candidates", [])
    if not candidates:
        return
    yield ""
    yield f"  {'Funding card':<42}{'Rate':>6}  {'Type':<8}{'x':>5}{'Effective':>11}"
    for candidate in candidates:
        chosen = candidate["method_id"] == decision.trace["chosen_method_id"] and decision.obligation_id is not None
        name = f"{candidate['name']} •{candidate['last_four']}" + (" (backup)" if candidate["is_backup"] else "")
        if candidate["row_id"] is None or candidate["left_out"]:
            value = f"  {LEFT_OUT.get(candidate['left_out'], candidate['left_out'])}"
        else:
            value = (
                f"{candidate['reward_rate']:>6}  {candidate['reward_type']:<8}{candidate['multiplier']:>5}"
                f"{Decimal(candidate['effective_reward']):>11.2f}"
            )
        yield f"{'>' if chosen else ' '} {name:<42.42}{value}"


def _by_value(decision: Decision) -> Iterator[str]:
    """A decision by value in its sentence; of another one, what value would have done with the same purchase."""
    explained = explaining.explain(decision.trace, amount=decision.money)
    if explained is not None:
        yield ""
        yield f"By value      {explained.sentence}"
        yield from _value_cards(explained)
        return
    yield from value_beside.lines(decision)


def _value_cards(explained: explaining.ValueExplanation) -> Iterator[str]:
    for card in explained.cards:
        net = display.estimate(card.net, explained.currency)
        yield f"  {'>' if card.is_chosen else ' '} {card.name:<40.40}{net:>14}"
        yield from (f"      {explaining.part_in_words(part)}" for part in card.parts)


def _milliseconds(report: Report, decision: Decision) -> Iterator[str]:
    yield ""
    timed = [name for name in STEPS if name in decision.timings_ms]
    steps = ", ".join(f"{name} {decision.timings_ms[name]:.2f}" for name in timed)
    yield f"Milliseconds  {steps}"
    if report.charged_ms is not None:
        yield f"              tap to answer {report.issuer_ms:.1f}, tap to charged {report.charged_ms:.1f}"


def _charge(report: Report) -> Iterator[str]:
    charge = report.charge
    assert charge is not None  # noqa: S101  (the caller looked)
    yield ""
    money = f"{charge.money} ({charge.money.minor})"
    yield f"Charge        {charge.get_status_display()}: {money} to {charge.method}"
    yield f"              {charge.method.processor_method_id}, {charge.processor_charge_id or 'no payment intent yet'}"
    if charge.status != states.Charge.SUCCEEDED and charge.failure_message:
        yield f"              {charge.failure_message}"


def _reward(decision: Decision) -> Iterator[str]:
    chosen = next(
        (c for c in decision.trace["candidates"] if c["method_id"] == decision.trace["chosen_method_id"]), None
    )
    if chosen is None or chosen["reward_rate"] is None:
        yield "Reward        not ranked for this MCC, so nothing is estimated"
        return
    money = Money(decision.amount_minor - decision.from_balance_minor, decision.currency)
    reward = rewards.estimate(
        amount=money, reward_rate=Decimal(chosen["reward_rate"]), reward_type=chosen["reward_type"]
    )
    value = " / ".join(_plain(value) for value in reward.values)
    unit = "cash back units" if chosen["reward_type"] == "cash" else "points"
    yield f"Reward        {_plain(reward.units)} {unit}, worth {reward.value:.2f} {money.currency}"
    yield f"              at 0.5 / 1.0 / 1.5 cents a point: {value} {money.currency}"
    yield (
        f"              {reward.benefit:+.2f} {money.currency} ({reward.benefit_percent:+.0f} %) over "
        f"{_plain(reward.baseline_units)} points at 1x, worth {reward.baseline_value:.2f}"
    )
    if not accounts.passes_mcc():
        yield from (f"              {line}" for line in MCC_NOTE.split("\n"))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
