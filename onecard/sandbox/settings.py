"""How one sandbox is set up."""

from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The account as its owner configured it; seconds where a name ends in `_s`."""

    api_key: str
    webhook_secret: str
    webhook_url: str | None
    # Ordinary events may have an endpoint of their own; without one they go where decisions are asked.
    events_url: str | None = None
    world: Path = FIXTURES / "demo_world.json"
    categories: Path = FIXTURES / "mcc_codes.csv"
    # The issuer's own limit for an answer; what happens past it is the account's choice.
    decision_timeout_s: float = 2.0
    approve_on_timeout: bool = False
    event_timeout_s: float = 10.0
    retry_delays_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    api_version: str = "2026-10-28.endive"
