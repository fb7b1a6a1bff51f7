"""What people say of links: whose a movement is, that its link is wrong, or that it is of no purchase here.

Where each movement belongs is remembered here, by what issuers told and what people said; the product is not asked.
"""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import F
from hypothesis.stateful import RuleBasedStateMachine

from issuing.clearing import manual_matching, match_proposals
from issuing.clearing.match_errors import LinkRefusedError
from issuing.models import Authorization, CardTransaction
from onecard.kit.errors import OneCardError
from onecard.users.models import User
from tests.invariants.money import money
from tests.support.factories import UserFactory
from wallet.entered import amounts as entered_amounts
from wallet.models import EnteredAmount

WHY = "Agreed on the phone"
# Of no purchase here.
NONE = ""
LINKABLE = ("settlement", "refund")


def name_of(kept: CardTransaction) -> str:
    """What ends the issuer's id of a movement; before it Stripe has the id of the dispute that moved it."""
    return kept.issuer_transaction_id.rpartition(":")[2]


@dataclass
class Homes:
    """The purchase that each movement is of, by the issuer's ids; `named` may be that of a capture.

    What names nothing is not in `named`: whose it is, the product finds out. What contradicts itself names NONE.
    """

    named: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    # Wherever a person has put something, be it there still or not.
    ever: set[str] = field(default_factory=set)

    def home_of(self, name: str) -> str | None:
        """The purchase of a movement; NONE where it is of none, None where only the product knows."""
        if name in self.said or name not in self.named:
            return self.said.get(name)
        named = self.named[name]
        return named if named == name or named not in self.named else self.home_of(named)

    def say(self, name: str, home: str, stay: Collection[str] = ()) -> None:
        """A person's word. What names a capture and is where that was goes along with it, except what is to `stay`."""
        was = self.home_of(name)
        for other, named in self.named.items():
            if named != name or other == name:
                continue
            if other in stay:
                self.said.setdefault(other, str(was))
            elif self.said.get(other) == was:
                del self.said[other]
        self.said[name] = home
        self.ever.add(home)


class Matching(RuleBasedStateMachine):
    """Whoever joins movements with purchases in the back office, alone or by two."""

    people: list[User]
    homes: Homes
    # What is said of which movement by itself, once something was told: by drawn steps alone hardly anything moves.
    corrections: list[tuple[int, int]]

    def say_where(self, kept: CardTransaction, pick: int, *, by_two: bool = True) -> None:
        """Of any movement, that it is of any purchase there is, or of none. A refusal changes nothing.

        Whatever crosses cardholders is proposed, which moves nothing, and with `by_two` agreed to at once.
        """
        purchases = [*Authorization.objects.exclude(pk=kept.authorization_id).order_by("-pk"), None]
        purchase = purchases[pick % len(purchases)]
        before, crosses = money(), _crosses(kept, purchase)
        with contextlib.suppress(OneCardError):
            said = match_proposals.say(movement=kept, purchase=purchase, reason=WHY, user=self.two_people()[0])
            if said is None:
                assert not crosses, "one person crossed two cardholders"
                self._remember(kept, purchase)
                return
        assert money() == before
        if by_two:
            self.agree_to_links()

    def say_whose(self, kept: CardTransaction, pick: int) -> None:
        """By one person's word, of a purchase: a wrong one is refused, as is what is joined with one."""
        purchases = list(Authorization.objects.order_by("pk"))
        purchase = purchases[pick % len(purchases)]
        with contextlib.suppress(LinkRefusedError):
            manual_matching.link_by_hand(refund=kept, purchase=purchase, reason=WHY, actor="user:1")
            assert not _crosses(kept, purchase), "one person crossed two cardholders"
            self._remember(kept, purchase)

    def say_none(self, kept: CardTransaction) -> None:
        """Also of one whose purchase is known here, or may still be told: that is refused."""
        with contextlib.suppress(LinkRefusedError):
            manual_matching.say_of_none(refund=kept, reason=WHY, actor="user:1")
            self._remember(kept, None)

    def agree_to_links(self) -> None:
        """To all that was proposed; where something was said meanwhile it is refused, and waits."""
        for entered in EnteredAmount.objects.filter(kind="link", status="proposed").order_by("pk"):
            kept = CardTransaction.objects.get(pk=int(entered.reference.partition(":")[2]))
            purchase = Authorization.objects.filter(pk=entered.details["authorization"]).first()
            with contextlib.suppress(OneCardError):
                entered_amounts.agree(
                    entered=entered, user=self.two_people()[1], reason=WHY, shown_minor=entered.amount_minor
                )
                self._remember(kept, purchase)

    def people_correct_links(self) -> None:
        """Half of what is drawn for it at the first time, the rest after that; what is of nothing yet comes first."""
        half = (len(self.corrections) + 1) // 2
        for place, pick in self.corrections[:half]:
            rows = CardTransaction.objects.filter(transaction_type__in=LINKABLE)
            movable = list(rows.order_by(F("authorization").asc(nulls_first=True), "pk"))
            if movable:
                self.say_where(movable[place % len(movable)], pick)
        del self.corrections[:half]

    def two_people(self) -> list[User]:
        if not self.people:
            self.people = [UserFactory(is_staff=True), UserFactory(is_staff=True)]
        return self.people

    def _remember(self, kept: CardTransaction, purchase: Authorization | None) -> None:
        """A capture of none is a purchase of its own, under its own name."""
        alone = kept.issuer_transaction_id if kept.transaction_type == "settlement" else NONE
        # Other captures name the purchase that the first one stands for, and not that capture.
        captures = CardTransaction.objects.filter(
            issuer_authorization_id=kept.issuer_transaction_id, transaction_type=CardTransaction.Type.SETTLEMENT
        )
        stay = {name_of(each) for each in captures}
        self.homes.say(name_of(kept), purchase.issuer_authorization_id if purchase else alone, stay)


def _crosses(kept: CardTransaction, purchase: Authorization | None) -> bool:
    """Whether it came on one card and is, or becomes, joined with a purchase of another: each has its own person."""
    cards = {kept.card_id, *(each.card_id for each in (kept.authorization, purchase) if each)}
    return len(cards - {None}) > 1
