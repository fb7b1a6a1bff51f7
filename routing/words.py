"""The rules and reasons in plain words, for the terminal and the back office."""

RULES = {
    "highest_reward": "The card with the highest effective reward.",
    "highest_with_cash_available": "The card with the highest effective reward; at least one card pays cash here.",
    "significantly_better_than_backup": "No card pays cash here, and the best card beats the backup by far.",
    "backup_without_cash": "No card pays cash here, and no card is significantly better than the backup.",
    "highest_without_backup": "No card pays cash here and the backup is no candidate: the highest effective reward.",
    "backup_unranked": "No card is ranked for this merchant category, so the backup pays.",
    "card_balance": "The card's own balance pays all of it, so no funding card is charged.",
    "account_verification": "A check of the card for no amount: nothing is charged.",
}

LEFT_OUT = {
    "not_active": "left out: disabled or detached",
    "no_processor_customer": "left out: not saved at the processor",
    "expired": "left out: expired",
    "cooling_down": "left out: cooling down after a failed charge",
    "currency_not_supported": "left out: cannot be charged in this currency",
    "no_ranking_row": "left out: no ranking for this merchant category today",
}

DECLINES = {
    "unknown_card": "We have no card with this id.",
    "card_not_active": "The virtual card is not active.",
    "card_stop_reported": "The issuer reported that it stopped the card, and was not asked yet whether that holds.",
    "compliance_hold": "A compliance flag of the card or its cardholder stops every purchase.",
    "kyc_not_verified": "The cardholder's identity is not verified.",
    "authorization_not_open": "The authorization has ended already.",
    "currency_mismatch": "The purchase is not in the card's currency.",
    "cash_not_allowed": "Cash and quasi-cash are not allowed.",
    "per_transaction_limit_exceeded": "More than the limit for one purchase.",
    "daily_limit_exceeded": "The daily limit would be exceeded.",
    "monthly_limit_exceeded": "The monthly limit would be exceeded.",
    "no_funding_card": "No funding card can be charged.",
    "another_card": "A later round of the purchase names another card than the first.",
    "another_person": "The purchase names another person than the cardholder of its card.",
    "another_currency": "A later round of the purchase is in another currency than the first.",
    "not_an_increment": "The purchase was approved before, and only an increment adds to it.",
    "increment_of_unknown": "More was asked for than we know of, and nobody says how much stands already.",
    "event_id_reused": "The event's id came before with another question.",
    "round_contradicts": "The round was asked before with another card, amount or merchant.",
    "event_of_other_mode": "The event is of test mode and our key is live, or the reverse.",
    "event_of_other_account": "The event is of another account than ours.",
    "event_of_other_version": "The event is of an API version that we do not read.",
    "deadline_exceeded": "We could not decide in time.",
}
