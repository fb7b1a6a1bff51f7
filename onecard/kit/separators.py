"""The separators of numbers. The desk registers those of the viewer's language; nothing here needs Django."""

from collections.abc import Callable

Separators = tuple[str, str]


def _english() -> Separators:
    return ",", "."


_asked: list[Callable[[], Separators]] = [_english]


def register(ask: Callable[[], Separators]) -> None:
    """Registers what says the separators of thousands and of decimals at this moment."""
    _asked[:] = [ask]


def localised(number: str) -> str:
    """Returns a number of ours (1,500.00) with the separators of the moment; digits are never touched."""
    comma, point = _asked[0]()
    return number.translate({ord(","): comma, ord("."): point})
