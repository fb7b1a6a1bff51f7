"""A cardholder's own rules: changed by the person or staff, checked against each other, and tried without effect."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db.models import F, Max
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.money import MAX_AMOUNT_MINOR
from onecard.kit.transactions import transaction
from onecard.kit.words import Words
from routing import preview
from routing.models import PersonalRule
from routing.value import personal_rules as engine
from routing.valued.person import rules_of
from wallet.methods import usable as methods
from wallet.models import Cardholder, FundingMethod

Action = PersonalRule.Action
MOST_RULES: Final = 50
MOST_MERCHANTS: Final = 50
FIELDS: Final = ("action", "method", "merchants", "above_minor", "is_foreign", "counts_from", "until", "target_minor")


class RuleRefusedError(OneCardError):
    """A rule cannot be so. The message says why; `errors` names the field. Nothing was changed."""

    code = "personal_rule_refused"

    def __init__(self, field: str, message: Words) -> None:
        super().__init__(message)
        self.errors = {field: [message]}


def rules_of_person(holder: Cardholder) -> list[PersonalRule]:
    """Returns the person's rules in their order."""
    return list(PersonalRule.objects.filter(cardholder=holder).select_related("method").order_by("position", "pk"))


def add(holder: Cardholder, *, actor: str, **values: Any) -> PersonalRule:
    """Adds a rule behind the others, or at `position` (from 1). Raises RuleRefusedError."""
    place = values.pop("position", None)
    with transaction():
        wallet = methods.lock_wallet(holder.pk)
        _check(wallet, values)
        if PersonalRule.objects.filter(cardholder=wallet).count() >= MOST_RULES:
            raise RuleRefusedError("action", format_lazy(_("A wallet has {most} rules at most."), most=MOST_RULES))
        last = PersonalRule.objects.filter(cardholder=wallet).aggregate(last=Max("position"))["last"] or 0
        rule = PersonalRule.objects.create(cardholder=wallet, position=last + 1, **values)
        _place(wallet, rule, place)
        _note(wallet, actor, "added", rule)
    return PersonalRule.objects.select_related("method").get(pk=rule.pk)


def change(
    rule: PersonalRule, *, actor: str, check: Callable[[PersonalRule], object] = lambda _rule: None, **values: Any
) -> PersonalRule:
    """Changes a rule or its place; `check` may refuse the present one under the wallet's lock.

    Raises RuleRefusedError.
    """
    place = values.pop("position", None)
    with transaction():
        wallet = methods.lock_wallet(rule.cardholder_id)
        fresh = PersonalRule.objects.select_related("method").get(pk=rule.pk)
        check(fresh)
        _check(wallet, {name: getattr(fresh, name) for name in FIELDS} | values)
        if values:
            PersonalRule.objects.filter(pk=fresh.pk).update(**values, version=F("version") + 1, updated_at=clock.now())
        _place(wallet, fresh, place)
        _note(wallet, actor, "changed", fresh)
    return PersonalRule.objects.select_related("method").get(pk=rule.pk)


def remove(rule: PersonalRule, *, actor: str) -> None:
    """Removes a rule."""
    with transaction():
        wallet = methods.lock_wallet(rule.cardholder_id)
        _note(wallet, actor, "removed", rule)
        PersonalRule.objects.filter(pk=rule.pk).delete()


def overlaps(rules: Sequence[PersonalRule]) -> list[tuple[PersonalRule, PersonalRule]]:
    """Returns pairs of rules that may meet at one purchase and contradict each other, the one that goes first first."""
    by_id = {rule.pk: rule for rule in rules}
    return [
        (by_id[first.id], by_id[second.id]) for first, second in engine.list_overlaps([_as_engine(r) for r in rules])
    ]


def attempt(
    holder: Cardholder, *, values: Mapping[str, Any], instead_of: PersonalRule | None = None, **purchase: Any
) -> tuple[Any, dict[str, Any]]:
    """Returns the choice for a purchase as it would be with this rule, and its trace; nothing is stored.

    The rule goes before all others, or in the place of an existing one. Raises RuleRefusedError.
    """
    return rank_by(holder, with_tried(holder, values=values, instead_of=instead_of), **purchase)


def with_tried(
    holder: Cardholder,
    *,
    values: Mapping[str, Any],
    instead_of: PersonalRule | None = None,
    place: int | None = None,
) -> tuple[engine.PersonalRule, ...]:
    """Returns the person's rules as they would be with this one; nothing is stored. Raises RuleRefusedError.

    It goes to `place` (from 1), or in the place of an existing one, or else before all others.
    """
    _check(holder, values)
    kept = rules_of_person(holder)
    keys = [each.pk for each in kept]
    at = keys.index(instead_of.pk) if instead_of is not None and instead_of.pk in keys else 0
    others = [each for each in kept if instead_of is None or each.pk != instead_of.pk]
    tried = PersonalRule(pk=instead_of.pk if instead_of else 0, cardholder=holder, **values)
    others.insert(at if place is None else place - 1, tried)
    for number, each in enumerate(others, start=1):
        each.position = number
    return as_engine(others)


def as_engine(rules: Sequence[PersonalRule]) -> tuple[engine.PersonalRule, ...]:
    """Returns rules as the engine takes them."""
    return tuple(_as_engine(each) for each in rules)


def rank_by(holder: Cardholder, rules: Sequence[engine.PersonalRule], **purchase: Any) -> tuple[Any, dict[str, Any]]:
    """Returns the choice for a purchase by value with these rules in place of the person's, and its trace."""
    known = preview.person_of(holder, clock.now()).rules.target_spent
    return preview.rank(holder, rules=engine.PersonalRules(tuple(rules), dict(known)), **purchase)


def _as_engine(rule: PersonalRule) -> engine.PersonalRule:
    days = [day.isoformat() if day else None for day in (rule.counts_from, rule.until)]
    row = [
        rule.pk, rule.version, rule.position, rule.action, rule.method_id, rule.merchants, rule.above_minor,
        rule.is_foreign, *days, rule.target_minor,
    ]  # fmt: skip
    return rules_of([row], {}).rules[0]


def _check(holder: Cardholder, values: Mapping[str, Any]) -> None:
    """Raises RuleRefusedError for what the rows or the engine cannot hold."""
    method: FundingMethod = values["method"]
    if method.cardholder_id != holder.pk:
        raise RuleRefusedError("funding_card", _("This card is in another wallet."))
    is_target = values["action"] == Action.TARGET
    first, last, target = values.get("counts_from"), values.get("until"), values.get("target_minor") or 0
    if is_target and not (first and last and 0 < target <= MAX_AMOUNT_MINOR):
        raise RuleRefusedError("target_minor", _("A target needs an amount, a first day and a last day."))
    if not is_target and target:
        raise RuleRefusedError("target_minor", _("Only a rule that reaches a target has one."))
    if first and last and first > last:
        raise RuleRefusedError("until", _("The last day lies before the first one."))
    above = values.get("above_minor")
    if above is not None and not 0 <= above <= MAX_AMOUNT_MINOR:
        raise RuleRefusedError("above_minor", _("The amount is out of bounds."))
    names = values.get("merchants") or []
    if len(names) > MOST_MERCHANTS or any(not name.strip() or len(name) > 120 for name in names):
        raise RuleRefusedError("merchants", _("Name 50 merchants at most, each with 1 to 120 characters."))


def _place(wallet: Cardholder, rule: PersonalRule, place: int | None) -> None:
    """Moves a rule to a place, from 1, and numbers the others."""
    if place is None:
        return
    others = list(PersonalRule.objects.filter(cardholder=wallet).exclude(pk=rule.pk).order_by("position", "pk"))
    others.insert(max(0, place - 1), rule)
    for number, each in enumerate(others, start=1):
        PersonalRule.objects.filter(pk=each.pk).exclude(position=number).update(position=number)


def _note(wallet: Cardholder, actor: str, verb: str, rule: PersonalRule) -> None:
    """Raises the wallet's version, so that no decision is committed on the rules of before, and writes the trail."""
    Cardholder.objects.filter(pk=wallet.pk).update(updated_at=clock.now())
    trail.record(
        actor=actor, action=f"wallet.rule_{verb}", subject=wallet, rule=str(rule.public_id), what=rule.action,
        card=str(rule.method),
    )  # fmt: skip
