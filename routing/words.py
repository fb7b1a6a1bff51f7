"""The rules and reasons in plain words, for the terminal and the back office."""

from django.utils.translation import gettext_lazy

RULES = {
    "highest_reward": gettext_lazy("The card with the highest effective reward."),
    "highest_with_cash_available": gettext_lazy(
        "The card with the highest effective reward; at least one card pays cash here."
    ),
    "significantly_better_than_backup": gettext_lazy(
        "No card pays cash here, and the best card beats the backup by far."
    ),
    "backup_without_cash": gettext_lazy("No card pays cash here, and no card is significantly better than the backup."),
    "highest_without_backup": gettext_lazy(
        "No card pays cash here and the backup is no candidate: the highest effective reward."
    ),
    "backup_unranked": gettext_lazy("No card is ranked for this merchant category, so the backup pays."),
    "highest_value": gettext_lazy("The card that earns the most money here, after caps and fees."),
    "space_kept_for_later": gettext_lazy(
        "The card that earns most without the space in caps that is expected to be worth more later."
    ),
    "for_the_top_category": gettext_lazy("The card whose highest category of the period this purchase is to be."),
    "personal_rule": gettext_lazy("The card that a rule of the cardholder's own demands."),
    "likelier_to_pay": gettext_lazy("The card that earns most once a likely decline is counted."),
    "only_card": gettext_lazy("The only card that can pay."),
    "card_balance": gettext_lazy("The card's own balance pays all of it, so no funding card is charged."),
    "account_verification": gettext_lazy("A check of the card for no amount: nothing is charged."),
    "stand_in": gettext_lazy(
        "Approved by stand-in, since the database did not answer; the funding card was chosen when it did again."
    ),
}

LEFT_OUT = {
    "not_active": gettext_lazy("left out: disabled or detached"),
    "no_processor_customer": gettext_lazy("left out: not saved at the processor"),
    "expired": gettext_lazy("left out: expired"),
    "cooling_down": gettext_lazy("left out: cooling down after a failed charge"),
    "currency_not_supported": gettext_lazy("left out: cannot be charged in this currency"),
    "no_ranking_row": gettext_lazy("left out: no ranking for this merchant category today"),
}

DECLINES = {
    "unknown_card": gettext_lazy("We have no card with this id."),
    "card_not_active": gettext_lazy("The virtual card is not active."),
    "card_stop_reported": gettext_lazy(
        "The issuer reported that it stopped the card, and was not asked yet whether that holds."
    ),
    "compliance_hold": gettext_lazy("A compliance flag of the card or its cardholder stops every purchase."),
    "kyc_not_verified": gettext_lazy("The cardholder's identity is not verified."),
    "authorization_not_open": gettext_lazy("The authorization has ended already."),
    "currency_mismatch": gettext_lazy("The purchase is not in the card's currency."),
    "cash_not_allowed": gettext_lazy("Cash and quasi-cash are not allowed."),
    "foreign_currency_not_allowed": gettext_lazy("The merchant charges in another currency than the card's."),
    "single_use_card_used": gettext_lazy("The card was for a single purchase, which has been made."),
    "locked_to_another_merchant": gettext_lazy("Its cardholder has locked the card to another merchant."),
    "suspected_fraud": gettext_lazy("A fraud hook declined it: the purchase's verdicts say which, and why."),
    "per_transaction_limit_exceeded": gettext_lazy("More than the limit for one purchase."),
    "daily_limit_exceeded": gettext_lazy("The daily limit would be exceeded."),
    "monthly_limit_exceeded": gettext_lazy("The monthly limit would be exceeded."),
    "no_funding_card": gettext_lazy("No funding card can be charged."),
    "another_card": gettext_lazy("A later round of the purchase names another card than the first."),
    "another_person": gettext_lazy("The purchase names another person than the cardholder of its card."),
    "another_currency": gettext_lazy("A later round of the purchase is in another currency than the first."),
    "not_an_increment": gettext_lazy("The purchase was approved before, and only an increment adds to it."),
    "increment_of_unknown": gettext_lazy(
        "More was asked for than we know of, and nobody says how much stands already."
    ),
    "event_id_reused": gettext_lazy("The event's id came before with another question."),
    "round_contradicts": gettext_lazy("The round was asked before with another card, amount or merchant."),
    "event_of_other_mode": gettext_lazy("The event is of test mode and our key is live, or the reverse."),
    "event_of_other_account": gettext_lazy("The event is of another account than ours."),
    "event_of_other_version": gettext_lazy("The event is of an API version that we do not read."),
    "deadline_exceeded": gettext_lazy("We could not decide in time."),
    "stand_in_declined": gettext_lazy("The database did not answer, and stand-in declines then."),
    "stand_in_in_doubt": gettext_lazy("The database did not answer, and may have approved it already."),
    "stand_in_no_snapshot": gettext_lazy("The database did not answer, and stand-in knew nothing of the card."),
    "stand_in_unusable_card": gettext_lazy("The database did not answer, and stand-in knew the card as not usable."),
    "stand_in_not_allowed": gettext_lazy(
        "The database did not answer, and stand-in approves first requests in the card's currency only, and no cash."
    ),
    "stand_in_under_controls": gettext_lazy(
        "The database did not answer, and a control that only the database can check may have declined it."
    ),
    "stand_in_limit_exceeded": gettext_lazy("The database did not answer, and it was more than the limits had left."),
    "stand_in_not_kept": gettext_lazy("The database did not answer, and the answer could not be kept on the disk."),
    "stand_in_amount_exceeded": gettext_lazy(
        "The database did not answer, and it was more than stand-in may approve for a card within a day."
    ),
}
