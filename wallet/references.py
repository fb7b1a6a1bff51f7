"""How postings, obligations and cases name what they are about: a kind and a key, such as `authorization:17`.

The strings are stored, and SQL texts spell them as well (issuing/sql, issuing/reconcile), so they never change.
"""

from enum import StrEnum


class Subject(StrEnum):
    """A kind of thing that a reference can name. The comment says which key follows the colon."""

    # A purchase: the authorization's key in our database.
    PURCHASE = "authorization"
    # A top-up names the card's key in our database; a case about a difference names the card's id at its issuer.
    CARD = "card"
    # A saved card that is taken from its customer at the processor: the key of its detachment in our database.
    CARD_DETACHMENT = "carddetachment"
    # A change asked of an issuer about a card: its key in our database.
    CARD_CHANGE = "cardchange"
    # A corrected profile on its way to an issuer: the key of its update in our database.
    PROFILE_UPDATE = "profileupdate"
    # A movement of money at the issuer: its key in our database.
    CARD_TRANSACTION = "card_transaction"
    # A dispute of one of our charges: the processor's id of the dispute, or of the balance entry that moved its money.
    CHARGE_DISPUTE = "charge_dispute"
    # A top-up, payout or transfer of our own money: the processor's id of it, or of its balance entry.
    OWN_TRANSFER = "own_transfer"
    # An event in the inbox: its key in our database.
    ISSUER_EVENT = "issuerevent"

    @property
    def prefix(self) -> str:
        """What every reference to a thing of this kind begins with."""
        return f"{self.value}:"

    def reference(self, key: int | str) -> str:
        """Returns the reference to the thing of this kind that has this key."""
        return f"{self.prefix}{key}"

    def named_by(self, reference: str) -> bool:
        """Returns whether a reference names a thing of this kind."""
        return reference.startswith(self.prefix)

    def key_in(self, reference: str) -> int | None:
        """Returns the database key that a reference names; None for one of another kind or without a whole number."""
        key = reference.removeprefix(self.prefix)
        return int(key) if self.named_by(reference) and key.isascii() and key.isdecimal() else None
