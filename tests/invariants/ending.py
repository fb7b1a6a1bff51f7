"""How a random life of purchases ends: everything arrives, people make an end, and the two sides are compared."""

import datetime as dt

from tests.invariants.account_refusals import AccountRefusals
from wallet.refunds import send as refund_sending

CARDS = 4
# The wait for a capture is over after one day, retries by the clock after three, and holds after four.
DAYS_UNTIL_QUIET, DAYS_AFTER_IT = (1, 1), (1, 3, 3)


class Ending(AccountRefusals):
    """What happens after the drawn steps, the same in every life."""

    def all_is_told_and_done(self) -> None:
        """Every event has arrived, every worker has been by, time has passed: then the two sides must be the same.

        Half of what was still to be told comes only after people believed that they had made an end.
        """
        late = self.not_arrived()
        self.deliver_all(late[::2])
        if self.gives_half_back:
            self.merchants_give_half_back()
        for days in DAYS_UNTIL_QUIET:
            self.time_goes_by(days)
        self.a_bank_takes_its_course()
        if self.processor.usually != "yes":
            self.every_card_says_no()
        self.people_correct_links()
        self.people_make_an_end()
        self.merchants_think_again()
        # Whoever could not pay can now, and is not asked for what was given up meanwhile.
        self.processor.usually = "yes"
        self.deliver_all(late[1::2])
        # What came before the purchase that it is about waits for that, and is looked at again.
        self.deliver_all(self.not_arrived())
        self.people_enter_converted_amounts()
        self.all_contradictions_arrive()
        self.people_correct_links()
        for days in DAYS_AFTER_IT:
            self.time_goes_by(days)
            if self.charges_anew:
                self.people_charge_what_a_bank_took()
                self.clock.shift(dt.timedelta(minutes=1))
                self.work()
            self.a_bank_takes_its_course()
        self.time_goes_by(1)
        self.people_make_an_end()
        self.every_check_holds()
        self.nothing_is_paused()
        self.the_two_sides_agree()

    def a_bank_takes_its_course(self) -> None:
        """By drawn steps alone hardly a charge would ever be disputed: it has to be paid first."""
        for status in self.course[:1]:
            self.banks.follow(status, **self.disputed_as)
        del self.course[:1]

    def every_card_says_no(self) -> None:
        for _ in range(CARDS):
            self.clock.shift(dt.timedelta(minutes=1))
            self.work()

    def time_goes_by(self, days: int) -> None:
        self.clock.shift(dt.timedelta(days=days))
        for place in range(len(self.processor.intents)):
            self.processor.happens("ends_well" if self.processor.usually == "yes" else "ends_badly", place)
        for intent in list(self.processor.intents.values()):
            self.hear(intent.outcome())
        for refund in self.processor.refunds.values():
            self.hear(refund)
        # All that was told of disputes comes once more.
        for told in self.banks.news()[:: -1 if self.newest_first else 1]:
            self.hear(told)
        self.work()
        refund_sending.sweep(processor=self.processor)
