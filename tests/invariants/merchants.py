"""What merchants do with random purchases: they take money, also where nobody asked, give it back, or contest that."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from tests.invariants.issuers import Buy
from tests.invariants.telling import Telling

AMOUNTS = st.integers(1, 30_000)
# Now and then in another currency, of which its worth is said or nothing is.
SAID = st.sampled_from(["", "", "", "", "worth", "nothing"])
BACK = ("refund", "refund", "chargeback")


class Merchants(Telling):
    """All that moves money."""

    buys = Bundle("buys")
    all: list[Buy]
    # The refunds that name no purchase, as if they were of one of their own.
    nameless: Buy
    afterwards: str

    @rule(target=buys, amount=AMOUNTS, now=st.booleans())
    def takes_without_asking(self, amount: int, now: bool) -> Buy:
        """A force capture: there never was an authorization, so none is reported either."""
        asked, name, event = self.words.forces(amount)
        buy = Buy(asked, amount, ended="settled", was_asked=False, moved={name: amount}, captures=[name])
        self.homes.named[name] = name
        self.all.append(buy)
        self.note(event, buy, name, now=now)
        return buy

    @rule(amount=AMOUNTS, now=st.booleans(), like=st.one_of(st.none(), buys))
    def gives_back_and_does_not_say_of_what(self, amount: int, now: bool, like: Buy | None) -> None:
        """Whether it is somebody's, and whose, is the product's to find out, or a person's."""
        amount = like.amount_minor if like is not None and like.amount_minor else amount
        name, event = self.words.names_nothing(amount)
        self.nameless.moved[name] = -amount
        self.note(event, self.nameless, name, now=now)

    @rule(buy=buys, amount=st.integers(1, 40_000), whole=st.booleans(), now=st.booleans(), said=SAID)
    def is_captured(self, buy: Buy, amount: int, whole: bool, now: bool, said: str) -> None:
        amount = buy.amount_minor if whole and buy.amount_minor else amount
        if said:
            buy.captured_abroad.append(amount)
        self.move(buy, "capture", amount, now, said=said)

    @rule(
        buy=buys,
        amount=AMOUNTS,
        kind=st.sampled_from(BACK),
        now=st.booleans(),
        said=SAID,
        whole=st.booleans(),
        names_capture=st.booleans(),
    )
    def money_comes_back(
        self, buy: Buy, amount: int, kind: str, now: bool, said: str, whole: bool, names_capture: bool
    ) -> None:
        if not buy.moved:
            return
        if said and whole and buy.captured_abroad:
            amount = buy.captured_abroad[-1]
        dispute = f"dispute_{len(self.events)}" if kind == "chargeback" else ""
        of = buy.captures[-1] if kind == "refund" and names_capture else ""
        self.move(buy, kind, amount, now, dispute, said=said, of=of)
        if dispute:
            buy.disputes.append((dispute, amount, bool(said)))

    @rule(buy=buys, now=st.booleans())
    def the_merchant_contests(self, buy: Buy, now: bool) -> None:
        if buy.disputes:
            dispute, amount, is_abroad = buy.disputes.pop()
            self.move(buy, "chargeback_reversal", amount, now, dispute, said="nothing" if is_abroad else "")

    def merchants_think_again(self) -> None:
        """What people gave up or settled may not be owed after all, and then be owed once more."""
        for buy in [each for each in self.all if each.moved and self.afterwards]:
            self.move(buy, "refund", buy.amount_minor or 1, now=True)
            if self.afterwards == "takes again":
                self.move(buy, "capture", buy.amount_minor or 1, now=True)

    def merchants_give_half_back(self) -> None:
        """Before anything is disputed, so that a bank can take the rest of a charge only."""
        for buy in [each for each in self.all if each.moved and each.amount_minor > 1]:
            self.move(buy, "refund", buy.amount_minor // 2, now=True)
