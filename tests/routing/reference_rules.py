"""The rules of docs/routing.md a second time: slow, with fractions, written from the rules and not from the engine."""

from fractions import Fraction

from routing.engine import Method, Purchase, Row, Rules


def decide(
    purchase: Purchase, methods: list[Method], rows: list[Row], preference: str, rules: Rules
) -> tuple[int | None, str]:
    """The id of the method that pays, or None, and the name of the rule."""
    usable = [method for method in methods if is_usable(method, purchase)]
    rewards = {}
    for method in usable:
        row = row_of(method, purchase, rows, preference, rules)
        if row is not None:
            rewards[method.id] = (worth(row, preference, rules), row.reward_type == "cash")
    candidates = [method for method in usable if method.id in rewards]
    backup = next((method for method in usable if method.is_backup), None)
    if not candidates:
        return (backup.id, "backup_unranked") if backup else (None, "no_funding_card")

    top = max(rewards[method.id][0] for method in candidates)
    tied = [method for method in candidates if top - rewards[method.id][0] <= Fraction(rules.tie_within)]
    first = backup if backup in tied else sorted(tied, key=lambda method: (method.position, method.id))[0]
    assert first is not None
    if preference == "rewards":
        return first.id, "highest_reward"
    if any(pays_cash for _, pays_cash in rewards.values()):
        return first.id, "highest_with_cash_available"
    if backup is None or backup.id not in rewards:
        return first.id, "highest_without_backup"
    enough = Fraction(rules.significantly_better) * rewards[backup.id][0]
    if first is backup or rewards[first.id][0] < enough:
        return backup.id, "backup_without_cash"
    return first.id, "significantly_better_than_backup"


def is_usable(method: Method, purchase: Purchase) -> bool:
    """Active, not expired, not cooling down, and the currency is possible."""
    months_left = (method.expiry_year - purchase.local_date.year) * 12 + method.expiry_month - purchase.local_date.month
    cool = method.cooling_until is None or method.cooling_until <= purchase.at
    return method.active and months_left >= 0 and cool and purchase.currency in method.currencies


def row_of(method: Method, purchase: Purchase, rows: list[Row], preference: str, rules: Rules) -> Row | None:
    """The product row if there is one today, else the network row; among several the one that no other one beats."""
    day = purchase.local_date
    today = [
        row
        for row in rows
        if not (row.valid_from and row.valid_from > day) and not (row.valid_to and row.valid_to < day)
    ]
    own = [row for row in today if row.product_id and row.product_id == method.product_id]
    general = [row for row in today if not row.product_id and row.network == method.network]
    rivals = own if own else general

    def beats(one: Row, other: Row) -> bool:
        if one.valid_from != other.valid_from:
            return other.valid_from is None or (one.valid_from is not None and one.valid_from > other.valid_from)
        if worth(one, preference, rules) != worth(other, preference, rules):
            return worth(one, preference, rules) > worth(other, preference, rules)
        return one.id < other.id

    return next((row for row in rivals if all(beats(row, other) for other in rivals if other is not row)), None)


def worth(row: Row, preference: str, rules: Rules) -> Fraction:
    return Fraction(row.reward_rate) * Fraction(rules.multipliers[preference, row.reward_type == "cash"])
