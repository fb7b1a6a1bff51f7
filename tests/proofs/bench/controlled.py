"""Twenty controls of the programme for the benchmark: none declines, and each purchase counts in four of them."""

from typing import Any, Final

from issuing.controls import life

AUTHOR: Final = "user:bench-author"
PUBLISHER: Final = "user:bench-publisher"
HUGE: Final = 10**12
# Twelve look at what the request, the card and its past say, and eight count: the filters of four of these fit the
# benchmark's MCC.
CONDITIONS: Final[tuple[list[dict[str, Any]], ...]] = (
    [{"attribute": "mcc", "operator": "in", "value": ["7995", "7800", "7801", "7802"]}],
    [{"attribute": "mcc_group", "operator": "is", "value": "business"}],
    [{"attribute": "country", "operator": "in", "value": ["KP", "IR", "SY", "CU"]}],
    [{"attribute": "currency", "operator": "is", "value": "RUB"}],
    [{"attribute": "merchant_name", "operator": "matches", "value": "*casino*"}],
    [
        {"attribute": "entry_mode", "operator": "is", "value": "keyed"},
        {"attribute": "amount", "operator": "between", "value": [50_000, None]},
    ],
    [{"attribute": "network_risk", "operator": "between", "value": [90, None]}],
    [{"attribute": "cvc", "operator": "is", "value": "mismatch"}],
    [{"attribute": "card_age_days", "operator": "between", "value": [None, -1]}],
    [{"attribute": "compliance_flags", "operator": "in", "value": ["watched", "manual_review"]}],
    [{"attribute": "three_d_secure", "operator": "is", "value": "failed"}],
    [{"attribute": "declines_1_h", "operator": "between", "value": [20, None]}],
)  # fmt: skip
VELOCITIES: Final[tuple[dict[str, Any], ...]] = (
    {"measure": "amount", "window": "day", "most": HUGE, "currency": "USD", "per": "card"},
    {"measure": "count", "window": "trailing", "trailing_s": 600, "most": 1_000_000, "per": "card"},
    {"measure": "count", "window": "month", "most": 1_000_000, "per": "cardholder"},
    {"measure": "amount", "window": "year", "most": HUGE, "currency": "USD", "per": "cardholder"},
)


def put_into_force() -> None:
    """Puts twenty controls into force."""
    for number, when in enumerate(CONDITIONS):
        _control(number, {"when": when})
    for number, velocity in enumerate(VELOCITIES, start=len(CONDITIONS)):
        for mcc, place in (("5812", number), ("7995", number + len(VELOCITIES))):
            when = [{"attribute": "mcc", "operator": "is", "value": mcc}]
            _control(place, {"when": when, "velocity": velocity})


def _control(number: int, definition: dict[str, Any]) -> None:
    version = life.create(
        name=f"Benchmark {number}",
        definition={**definition, "action": {"kind": "decline"}},
        reason_code=f"benchmark_{number}",
        sentence="No.",
        actor=AUTHOR,
    )
    life.to_shadow(version, actor=AUTHOR)
    life.activate(version, actor=PUBLISHER)
