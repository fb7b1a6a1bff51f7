"""What each task of the clock does, in words; the log and the configuration know it by its code."""

from typing import Final

from django.utils.translation import gettext_lazy

from onecard.kit.words import Words

NAMES: Final[dict[str, Words]] = {
    "audit.tasks.add_months": gettext_lazy("Months are made for tables that are kept by month"),
    "issuing.tasks.check_registrations": gettext_lazy("Issuers are asked how we are registered there"),
    "issuing.tasks.count_hours": gettext_lazy("Purchases and decision times are counted by the hour"),
    "issuing.tasks.forget_counted": gettext_lazy("Counted purchases that no control needs are forgotten"),
    "issuing.tasks.read_issuer_balances": gettext_lazy("Balances at the issuers are read"),
    "issuing.tasks.reconcile": gettext_lazy("The nightly reconciliation"),
    "issuing.tasks.remind_of_disputes": gettext_lazy("Reminders of disputes that need evidence"),
    "issuing.tasks.sweep_card_changes": gettext_lazy("Card changes reach the issuer"),
    "issuing.tasks.sweep_card_comparisons": gettext_lazy("Single cards are compared with the issuer"),
    "issuing.tasks.sweep_card_funding": gettext_lazy("Money is put on cards"),
    "issuing.tasks.sweep_decision_notices": gettext_lazy("Cardholders are told of decisions"),
    "issuing.tasks.sweep_disputes": gettext_lazy("Disputes reach the issuer"),
    "issuing.tasks.sweep_inbox": gettext_lazy("Events of the inbox are handled"),
    "issuing.tasks.sweep_profile_updates": gettext_lazy("Profiles reach the issuer"),
    "issuing.tasks.sweep_ranking_previews": gettext_lazy("Previews of rankings"),
    "issuing.tasks.sweep_control_previews": gettext_lazy("Previews of controls"),
    "issuing.tasks.sweep_reconciliations": gettext_lazy("Reconciliations that were asked for"),
    "issuing.tasks.sweep_rewards": gettext_lazy("Rewards are booked"),
    "issuing.tasks.sweep_settling": gettext_lazy("Finished purchases are settled as captured"),
    "issuing.tasks.send_monthly_reports": gettext_lazy("Monthly reports are sent"),
    "issuing.tasks.sweep_space_prices": gettext_lazy("The space in people's caps is priced"),
    "issuing.tasks.sweep_spend": gettext_lazy("Spend that counts towards caps is booked"),
    "issuing.tasks.sync_issuers": gettext_lazy("Cards and events are compared with the issuers"),
    "onecard.alerts.tasks.evaluate": gettext_lazy("The rules of the alerts are evaluated"),
    "onecard.alerts.tasks.sweep_messages": gettext_lazy("Mails and webhooks of alerts are sent"),
    "onecard.api.tasks.forget_expired_sessions": gettext_lazy("Expired sessions are deleted"),
    "onecard.api.tasks.forget_login_mails": gettext_lazy("Mails with login codes are deleted"),
    "onecard.api.tasks.forget_old_requests": gettext_lazy("Old requests of apps are deleted"),
    "onecard.desk.tasks.count_cards": gettext_lazy("Cards and wallets are counted for the health page"),
    "onecard.desk.tasks.count_figures": gettext_lazy("Figures of the overview are counted"),
    "onecard.integrations.tasks.forget_old_events": gettext_lazy("Old events of webhooks are deleted"),
    "onecard.integrations.tasks.sweep_webhooks": gettext_lazy("Webhooks are sent"),
    "onecard.metrics.tasks.count": gettext_lazy("Metrics are counted"),
    "onecard.notices.tasks.sweep_mails": gettext_lazy("Mails of notices are sent"),
    "onecard.outbox.tasks.forget_published": gettext_lazy("Published messages of the outbox are deleted"),
    "wallet.tasks.book_fees": gettext_lazy("The processor's fees are booked"),
    "wallet.tasks.check_methods": gettext_lazy("Funding cards are checked for their expiry"),
    "wallet.tasks.expire_verifications": gettext_lazy("Identity checks expire"),
    "wallet.tasks.read_own_money": gettext_lazy("Top-ups and payouts are read"),
    "wallet.tasks.sweep_carried": gettext_lazy("Carried amounts that got too old are written off"),
    "wallet.tasks.sweep_cascade": gettext_lazy("The next card is asked after a declined charge"),
    "wallet.tasks.sweep_funding": gettext_lazy("Funding cards are charged"),
    "wallet.tasks.sweep_refunds": gettext_lazy("Refunds are sent"),
    "wallet.tasks.sweep_saved_cards": gettext_lazy("Cards that people save reach their wallets"),
}
