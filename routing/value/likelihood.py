"""How likely a card is to pay, from its recent outcomes and a prior of its network and issuer. Off unless it is given.

A choice with odds expects `net * probability - what the processor takes`. Nothing else of the choice changes.
"""

from dataclasses import dataclass

MILLION = 10**6
# A prior weighs as much as this many outcomes of the card itself.
PRIOR_OUTCOMES = 20


@dataclass(frozen=True, slots=True)
class Odds:
    """The probability of an approval in millionths, and the processor's fee for the network in basis points."""

    approved_ppm: int = MILLION
    fee_bp: int = 0

    def expected(self, net: int, amount_minor: int) -> int:
        """The net value, in value units, that is expected of a card with these odds."""
        # A basis point of a minor unit is 10**4 value units.
        fee = amount_minor * self.fee_bp * 10_000
        return (net - fee) * self.approved_ppm // MILLION


def estimate_odds(approvals: int, attempts: int, prior_ppm: int, fee_bp: int = 0) -> Odds:
    """Returns the odds after these outcomes: the prior counts as twenty more. Raises `ValueError` for counts."""
    if not 0 <= approvals <= attempts or not 0 <= prior_ppm <= MILLION:
        raise ValueError("Approvals lie between zero and the attempts, and a prior between zero and a million.")
    approved = (approvals * MILLION + PRIOR_OUTCOMES * prior_ppm) // (attempts + PRIOR_OUTCOMES)
    return Odds(approved, fee_bp)
