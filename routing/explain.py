"""A decision's trace for staff: every card with its numbers, or the reason why it was left out.

The trace is stored JSON and may come from another release or be empty: what is missing is shown as a dash.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.utils.translation import gettext as _

from onecard.kit import display, references
from onecard.kit.money import Money
from onecard.kit.separators import localised
from routing import rewards
from routing.models import RankingRow, RewardType
from routing.words import LEFT_OUT, RULES
from wallet.models import Network, Preference

Trace = dict[str, Any]
COOLING: Final = "cooling_down"
# A candidate's row of the reward catalogue, which strategy value reads (routing/strategy.py).
TERMS: Final = "terms"


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """One card of the trace table."""

    name: str
    network: str
    last_four: str
    ranking: str
    ranking_page: str
    rate: str
    reward_type: str
    multiplier: str
    effective: str
    is_backup: bool
    is_chosen: bool
    left_out: str


@dataclass(frozen=True, slots=True)
class RewardLines:
    """The estimated reward in words."""

    units: str
    values: list[tuple[str, str]]
    baseline: str
    benefit: str


def candidates(trace: Trace, *, approved: bool, rests_for: Mapping[int, str] | None = None) -> list[CandidateLine]:
    """Returns the cards in the engine's order; `approved` says whether the chosen one was used.

    `rests_for` has the bank's word for which cards rested then, by their keys.
    """
    chosen, words = trace.get("chosen_method_id") if approved else None, rests_for or {}
    return [_line(each, chosen, words.get(each.get("method_id") or 0, "")) for each in trace.get("candidates") or []]


def resting(trace: Trace) -> list[int]:
    """Returns the keys of the cards that were left out because they rested."""
    rested = [each for each in trace.get("candidates") or [] if each.get("left_out") == COOLING]
    return [each["method_id"] for each in rested if isinstance(each.get("method_id"), int)]


def cooling_words(candidate: Mapping[str, Any], why: str = "") -> str:
    """Returns until when a card rested and what its bank had said; less where the trace or the trail lacks it."""
    try:
        until = display.moment(dt.datetime.fromisoformat(str(candidate.get("cooling_until"))))
    except ValueError:
        return _("cooling down after a failed charge")
    if not why:
        return _("cooling down until %(until)s, since its bank declined a charge") % {"until": until}
    return _("cooling down until %(until)s, since its bank declined a charge: %(why)s") % {"until": until, "why": why}


def rule_sentence(rule: str, trace: Trace) -> str:
    """Returns the rule that decided, with the two numbers that it compared, if it compared any."""
    sentence = str(RULES.get(rule, rule))
    times = trace.get("significantly_better")
    usable = [candidate for candidate in trace.get("candidates") or [] if not candidate.get("left_out")]
    backup = next((candidate for candidate in usable if candidate.get("is_backup")), None)
    if rule not in ("backup_without_cash", "significantly_better_than_backup") or not (usable and backup and times):
        return sentence
    best = max(usable, key=lambda candidate: _number(candidate.get("effective_reward")) or Decimal(0))
    needed = (_number(times) or Decimal(0)) * (_number(backup.get("effective_reward")) or Decimal(0))
    numbers = _(
        "The best card, %(card)s, earns %(reward)s; to replace the backup it needs %(needed)s (%(times)s x the "
        "backup's %(backup)s)."
    ) % {
        "card": best.get("name"),
        "reward": _two(best.get("effective_reward")),
        "needed": localised(f"{needed:.2f}"),
        "times": localised(str(times)),
        "backup": _two(backup.get("effective_reward")),
    }
    return f"{sentence} {numbers}"


def circumstances(trace: Trace) -> list[tuple[str, str]]:
    """Returns what else the choice used: preference, thresholds and the versions of the rules."""
    preference = trace.get("preference")
    versions = trace.get("rule_versions") or {}
    facts = (
        (_("Preference"), _word(Preference, preference) if preference else None),
        (_("A tie is within"), trace.get("tie_within")),
        (
            _("Significantly better is"),
            f"{trace['significantly_better']} x" if trace.get("significantly_better") else None,
        ),
        (_("Rulebook version"), trace.get("rulebook_version")),
        (_("Versions of the numbers"), ", ".join(f"{name}: {version}" for name, version in sorted(versions.items()))),
        (_("Wallet version"), trace.get("wallet_version")),
        (_("Virtual card version"), trace.get("card_version")),
        (_("The cardholder's date"), trace.get("local_date")),
        (_("Card asked for"), trace.get("issuer_card_id")),
    )
    return [(name, str(value)) for name, value in facts if value not in (None, "")]


def reward(trace: Trace, *, amount: Money) -> RewardLines | None:
    """Returns the estimate for the chosen card (docs/routing.md), or None when it has no ranking."""
    chosen = next(
        (c for c in trace.get("candidates") or [] if c.get("method_id") == trace.get("chosen_method_id")), None
    )
    rate = _number(chosen.get("reward_rate")) if chosen else None
    if chosen is None or rate is None or not amount.minor:
        return None
    currency = amount.currency
    found = rewards.estimate(amount=amount, reward_rate=rate, reward_type=str(chosen.get("reward_type")))
    names = [_("at %(cents)s cents a point") % {"cents": localised(str(cents))} for cents in rewards.VALUATIONS_CENTS]
    if chosen.get("reward_type") == RewardType.CASH:
        units = _("%(amount)s cash back") % {"amount": display.estimate(found.value, currency)}
        values = [(_("at face value"), found.value)]
    else:
        units = _("%(count)s points") % {"count": _plain(found.units)}
        values = list(zip(names, found.values, strict=True))
    baseline = display.estimate(found.baseline_value, currency)
    return RewardLines(
        units=units,
        values=[(name, display.estimate(value, currency)) for name, value in values],
        baseline=_("%(count)s points at 1x, worth %(worth)s")
        % {"count": _plain(found.baseline_units), "worth": baseline},
        benefit=f"{localised(f'{found.benefit:+,.2f}')} {currency} ({found.benefit_percent:+.0f} %)",
    )


def _line(candidate: Trace, chosen: Any, why: str) -> CandidateLine:
    left_out = str(LEFT_OUT.get(str(candidate.get("left_out")), str(candidate.get("left_out") or "")))
    if candidate.get("left_out") == COOLING:
        left_out = _("left out: %(why)s") % {"why": cooling_words(candidate, why)}
    row_id = candidate.get("row_id")
    return CandidateLine(
        name=str(candidate.get("name", display.NOTHING)),
        network=_word(Network, candidate.get("network")),
        last_four=str(candidate.get("last_four", "")),
        ranking=_ranking(candidate) if row_id is not None else display.NOTHING,
        ranking_page=references.page_of(f"{_table(candidate)}:{row_id}") if row_id is not None else "",
        rate=localised(str(candidate.get("reward_rate") or display.NOTHING)),
        reward_type=_word(RewardType, candidate.get("reward_type")),
        multiplier=localised(str(candidate.get("multiplier") or display.NOTHING)),
        effective=_two(candidate.get("effective_reward")),
        is_backup=bool(candidate.get("is_backup")),
        is_chosen=chosen is not None and candidate.get("method_id") == chosen,
        left_out=left_out,
    )


def _ranking(candidate: Trace) -> str:
    """Returns which ranking was used and for which cards it is, with its version at that moment."""
    return _("%(number)s, version %(version)s: %(scope)s") % {
        "number": candidate.get("row_id"),
        "version": candidate.get("row_version"),
        "scope": _("the card's reward terms")
        if candidate.get("row_scope") == TERMS
        else _word(RankingRow.Scope, candidate.get("row_scope")),
    }


def _table(candidate: Trace) -> str:
    return "rewardterms" if candidate.get("row_scope") == TERMS else "rankingrow"


def _word(choices: Any, value: Any) -> str:
    return str(dict(choices.choices).get(value, value or display.NOTHING))


def _number(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text)) if text is not None else None
    except InvalidOperation:
        return None


def _two(text: Any) -> str:
    number = _number(text)
    return localised(f"{number:.2f}") if number is not None else display.NOTHING


def _plain(number: Decimal) -> str:
    return localised(f"{number.normalize():,f}")
