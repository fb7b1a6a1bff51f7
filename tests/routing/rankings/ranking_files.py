"""Files of rankings for tests, good ones and ones with a mistake."""

import json
from typing import Any

from routing.rankings.importing import Format, ImportResult, import_rankings

HEADER = "mcc,scope,product,network,card_name,reward_rate,reward_type,annual_fee,valid_from,valid_to"


def card(**changes: Any) -> dict[str, Any]:
    """A good entry of the JSON shape; `changes` make it another one."""
    good = {"cardName": "Gold", "cardKey": "amex", "rewardAmount": 4, "rewardType": "Points", "annualFee": 250}
    return good | changes


def json_lines(*cards: str, mcc: str = "5812") -> str:
    """A JSON file with each card on a line of its own: the first on line 3."""
    listed = ",\n".join(cards)
    return f'{{\n"{mcc}": [\n{listed}\n]}}'


def json_of(*cards: dict[str, Any], mcc: str = "5812") -> str:
    return json_lines(*map(json.dumps, cards), mcc=mcc)


def csv_of(*lines: str) -> str:
    return "\n".join([HEADER, *lines]) + "\n"


def take(text: str | bytes, file_format: Format, **options: Any) -> ImportResult:
    content = text.encode() if isinstance(text, str) else text
    return import_rankings(content, source=f"some.{file_format}", file_format=file_format, **options)
