"""A hook that looks at what a merchant sells."""

from typing import Final

from issuing.fraud.verdicts import ALLOW, Action, FrozenFacts, Verdict

# Visa Integrity Risk Program, "high integrity risk" merchant categories by tier, in force since 1 May 2023, all of them
# where the card is not present (docs/decisions/0061 names where the list was read). 6051 and others that sell things
# like cash are declined before (issuing/issuers/merchants.py).
TIERS: Final = {
    1: frozenset({"5122", "5912", "5967", "7273", "7995"}),
    2: frozenset({"4816", "5816", "6012", "6051"}),
    3: frozenset({"5966", "5968", "5993", "6211"}),
}
SCORES: Final = {1: 50, 2: 40, 3: 30}
_TIER_OF: Final = {mcc: tier for tier, mccs in TIERS.items() for mcc in mccs}


def high_risk_mcc(facts: FrozenFacts) -> Verdict:
    """Flags a card's first purchase in a category of high risk where the card is not present."""
    mcc = facts.merchant.mcc
    tier = _TIER_OF.get(mcc)
    if tier is None or facts.signals.channel == "present" or not facts.history.is_new_mcc(mcc):
        return ALLOW
    return Verdict(Action.FLAG, SCORES[tier], f"The card's first purchase in MCC {mcc}, of high risk (tier {tier}).")


high_risk_mcc.inline = True  # type: ignore[attr-defined]
