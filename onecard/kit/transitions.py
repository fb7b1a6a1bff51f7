"""Tables of legal moves between states (money-safety I10)."""

from collections.abc import Mapping

Moves = Mapping[str, frozenset[str]]


def sources_of(moves: Moves, target: str) -> list[str]:
    """Returns the states from which `target` may be reached: the `where status in …` of a conditional update."""
    return [source for source, targets in moves.items() if target in targets]
