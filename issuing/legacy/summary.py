"""Counts what an import did."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Summary:
    """Counts of lines. From `people` on they count what was imported, or in a dry run would be."""

    read: int = 0
    cards: int = 0
    transactions: int = 0
    unchanged: int = 0
    bad: int = 0
    people: int = 0
    card_data_sealed: int = 0
    card_data_dropped: int = 0
    without_amount: int = 0
    without_time: int = 0
    of_another_user: int = 0

    def add(self, other: "Summary") -> None:
        """Adds the counts of a committed batch."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def table(self) -> str:
        """Returns the counts as a table for people; rare counts are shown only if they are not zero."""
        always = [
            ("Documents read", self.read),
            ("Virtual cards imported", self.cards),
            ("Transactions imported", self.transactions),
            ("Unchanged (imported before)", self.unchanged),
            ("Bad", self.bad),
        ]
        notes = [
            ("Cardholders made", self.people),
            ("Cards whose number was sealed", self.card_data_sealed),
            ("Cards whose number or code was dropped", self.card_data_dropped),
            ("Transactions without an amount, kept as 0", self.without_amount),
            ("Transactions without a time, dated now", self.without_time),
            ("Transactions that name another user than their card's", self.of_another_user),
        ]
        rows = always + [(label, count) for label, count in notes if count]
        width = max(len(label) for label, _count in rows)
        return "\n".join(f"{label:<{width}}  {count:>10}" for label, count in rows)
