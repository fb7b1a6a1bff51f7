"""The settings of stand-in, the answers while the database does not answer (docs/decisions/0056)."""

from onecard import environment

POLICIES = ("decline", "approve")


def read() -> tuple[str, str, int, int, int]:
    """Returns STAND_IN_DIR, _POLICY, _CARD_AMOUNT, _SNAPSHOT_MAX_AGE_S and _KEEP_DAYS.

    They say where answers are kept on this machine's disk ("" for nowhere), what is answered, the most that is approved
    for a card within a day (US cents), when a snapshot is too old, and for how long folded files stay.
    """
    return (
        environment.folder("STAND_IN_DIR"),
        environment.choice("STAND_IN_POLICY", default="decline", among=POLICIES),
        environment.number("STAND_IN_CARD_AMOUNT", default=10_000, least=0, most=10_000_000),
        environment.number("STAND_IN_SNAPSHOT_MAX_AGE_S", default=3600, least=60, most=86_400),
        environment.number("STAND_IN_KEEP_DAYS", default=30, least=2, most=3650),
    )
