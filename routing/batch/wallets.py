"""Reads W, the people of a batch.

Its shape: {"users": [{"user_id", "preference", "cards", "backup_card", "choices", "activations"}]}.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from onecard.kit.json_cursor import JsonCursor, Pairs
from routing.batch.errors import BatchInputError, shown
from routing.reference import MULTIPLIERS
from routing.value.terms import Catalogue, Holding, Product
from wallet.models import Preference

PREFERENCES = {"cash": Preference.CASH, "points": Preference.REWARDS}
FIELDS = {"user_id", "preference", "cards", "backup_card", "choices", "activations"}
QUARTER = re.compile(r"\d{4}Q[1-4]")


@dataclass(frozen=True, slots=True)
class Person:
    """One user of W, with the cards in the order of the file."""

    user_id: str
    preference: Preference
    holdings: tuple[Holding, ...]


class UserError(Exception):
    """A sentence about the user that is being read."""


def read_wallets(file: Path, catalogue: Catalogue, weights: str, *, passed_through: bool = True) -> dict[str, Person]:
    """Returns each person by user id. Raises `BatchInputError`.

    `weights` is `preference` (cash 1.0, points and miles 0.5 or 1.3, as docs/routing.md has them) or `programme` (the
    catalogue's cents for each programme's point).
    """
    reader = _Reader(catalogue, weights, passed_through=passed_through)
    people: dict[str, Person] = {}
    for line, raw in _users(file):
        try:
            person = reader.read(raw)
        except UserError as problem:
            raise BatchInputError(file, line, str(problem)) from problem
        if person.user_id in people:
            raise BatchInputError(file, line, f"user {shown(person.user_id)} appears twice.")
        people[person.user_id] = person
    return people


def _users(file: Path) -> Iterator[tuple[int, object]]:
    """Yields each user with the line on which it starts."""
    try:
        cursor = JsonCursor(file.read_text("utf-8-sig"))
    except OSError as error:
        raise BatchInputError(file, 1, f"the file cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BatchInputError(file, 1, "the file is not text in UTF-8.") from error
    try:
        yield from _read_users(cursor, file)
        cursor.end()
    except json.JSONDecodeError as error:
        problem = f"this is not JSON as expected: {error.msg}, column {error.colno}."
        raise BatchInputError(file, error.lineno, problem) from error
    except RecursionError as error:
        raise BatchInputError(file, cursor.line, "this is nested too deeply.") from error


def _read_users(cursor: JsonCursor, file: Path) -> Iterator[tuple[int, object]]:
    found = False
    for _ in cursor.members("{", "}"):
        if cursor.name() != "users":
            cursor.value()
            continue
        found = True
        for _ in cursor.members("[", "]"):
            cursor.peek()
            yield cursor.line, _plain(cursor.value())
    if not found:
        raise BatchInputError(file, 1, 'there is no list "users".')


def _plain(value: object) -> Any:
    if isinstance(value, Pairs):
        return {name: _plain(each) for name, each in value}
    return [_plain(each) for each in value] if isinstance(value, list) else value


class _Reader:
    """Turns one user of the file into a person."""

    def __init__(self, catalogue: Catalogue, weights: str, *, passed_through: bool) -> None:
        self._catalogue, self._weights, self._passed_through = catalogue, weights, passed_through

    def read(self, raw: object) -> Person:
        if not isinstance(raw, dict):
            raise UserError("a user must be an object.")
        if unknown := raw.keys() - FIELDS:
            raise UserError(f"a user has no field {shown(min(unknown))}; there are {', '.join(sorted(FIELDS))}.")
        user_id = raw.get("user_id")
        if isinstance(user_id, Decimal):
            user_id = str(user_id)
        if not isinstance(user_id, str) or not user_id:
            raise UserError("a user needs a user_id.")
        try:
            preference = _preference(raw.get("preference"))
            return Person(user_id, preference, self._holdings(raw, preference))
        except UserError as problem:
            raise UserError(f"user {shown(user_id)}: {problem}") from problem

    def _holdings(self, raw: Mapping[str, Any], preference: Preference) -> tuple[Holding, ...]:
        cards = _texts(raw.get("cards"), "cards")
        if not cards or len(set(cards)) != len(cards):
            raise UserError("cards must name at least one card, and none twice.")
        backup = raw.get("backup_card")
        for card in (*cards, *([backup] if backup is not None else [])):
            if card not in self._catalogue.products:
                raise UserError(f"the catalogue has no card {shown(card)}.")
        if backup is not None and backup not in cards:
            raise UserError(f"the backup card {shown(backup)} is not among the cards.")
        choices = _by_card(raw, "choices", cards)
        activations = _by_card(raw, "activations", cards)
        return tuple(
            self._hold(self._catalogue.products[card], preference, choices.get(card), activations.get(card), backup)
            for card in cards
        )

    def _hold(
        self, product: Product, preference: Preference, choices: object, activations: object, backup: object
    ) -> Holding:
        return Holding(
            card=product.key,
            product=product,
            choices=_choices(product, choices),
            activations=dict.fromkeys(_quarters(product, activations)),
            cents_per_point=self._cents(product, preference),
            is_backup=product.key == backup,
            passed_through=self._passed_through,
        )

    def _cents(self, product: Product, preference: Preference) -> Decimal | None:
        if self._weights == "programme":
            return None
        pays_cash = product.reward_type == "cash"
        return next(
            value for (own, kind), value in MULTIPLIERS.items() if own == preference and (kind == "cash") == pays_cash
        )


def _preference(raw: object) -> Preference:
    if not isinstance(raw, str) or raw not in PREFERENCES:
        raise UserError(f"preference must be cash or points, not {shown(raw)}.")
    return PREFERENCES[raw]


def _by_card(raw: Mapping[str, Any], name: str, cards: list[str]) -> Mapping[str, object]:
    found = raw.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UserError(f"{name} must be an object from card to what was set for it.")
    if unknown := found.keys() - set(cards):
        raise UserError(f"{name} names {shown(min(unknown))}, which is not among the cards.")
    return found


def _choices(product: Product, raw: object) -> dict[str, tuple[str, ...]]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise UserError(f"the choices of {product.key} must be an object from choice key to categories.")
    bonuses = {bonus.key: bonus for bonus in product.bonuses if bonus.choice_options}
    found = {}
    for key, tags in raw.items():
        if key not in bonuses:
            raise UserError(f"{product.key} has no choice {shown(key)}.")
        picked = _texts(tags, f"choice {key}")
        bonus = bonuses[key]
        if wrong := set(picked) - set(bonus.choice_options):
            raise UserError(f"{shown(min(wrong))} is no option of {product.key}, choice {key}.")
        if len(set(picked)) > bonus.choice_pick:
            raise UserError(f"choice {key} of {product.key} takes {bonus.choice_pick} categories, not {len(picked)}.")
        found[key] = tuple(picked)
    return found


def _quarters(product: Product, raw: object) -> list[str]:
    quarters = _texts(raw or [], f"activations of {product.key}")
    for quarter in quarters:
        if not QUARTER.fullmatch(quarter):
            raise UserError(f"an activation is a quarter such as 2025Q1, not {shown(quarter)}.")
    return quarters


def _texts(raw: object, what: str) -> list[str]:
    if not isinstance(raw, list) or not all(isinstance(each, str) for each in raw):
        raise UserError(f"{what} must be a list of texts.")
    return raw
