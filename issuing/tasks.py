"""The queue's doors into issuing. Ids only, and unknown arguments are ignored: old workers meet new messages."""

from typing import Any

from celery import shared_task

from issuing.activity import decision_notices
from issuing.authorizations import close_out
from issuing.backtest import preview as ranking_preview
from issuing.backtest.controls import preview as control_preview
from issuing.billing import dunning, top_ups
from issuing.cards import changes as card_changes
from issuing.cards import due_comparisons, profile_updates
from issuing.cards.comparison import sync_card as compare_card
from issuing.controls import counters
from issuing.disputes import submission
from issuing.handlers import dispatch
from issuing.operations import balances, hourly_sums
from issuing.reconcile import recorded
from issuing.registration import check as registration
from issuing.rewards import space_prices, spend_sweep
from issuing.rewards import sweep as rewards_sweep
from issuing.rewards.monthly import mail as monthly_mail
from issuing.sync import schedule
from onecard.kit import clock
from routing.odds import keeping as odds


@shared_task(name="issuing.tasks.handle_event")
def handle_event(*, event_pk: int, **_newer: Any) -> None:
    """Handles one stored event, if it is due."""
    dispatch.handle_if_due(event_pk=event_pk)


@shared_task(name="issuing.tasks.sweep_inbox")
def sweep_inbox(**_newer: Any) -> None:
    """Handles the due events whose message the queue lost."""
    dispatch.sweep()


@shared_task(name="issuing.tasks.carry_out_card_change")
def carry_out_card_change(*, change_id: int, **_newer: Any) -> None:
    """Makes one attempt to carry out a card change at its issuer."""
    card_changes.carry_out(change_id=change_id)


@shared_task(name="issuing.tasks.sweep_card_changes")
def sweep_card_changes(**_newer: Any) -> None:
    """Makes an attempt for each due card change whose message the queue lost."""
    card_changes.sweep()


@shared_task(name="issuing.tasks.sweep_profile_updates")
def sweep_profile_updates(**_newer: Any) -> None:
    """Sends corrected profiles to the issuers that know the person."""
    profile_updates.sweep()


@shared_task(name="issuing.tasks.sync_card")
def sync_card(*, card_id: int, **_newer: Any) -> None:
    """Compares one card with its issuer, which reported a change of it."""
    compare_card(card_id, actor="system:sync")


@shared_task(name="issuing.tasks.sweep_card_comparisons")
def sweep_card_comparisons(**_newer: Any) -> None:
    """Asks issuers again about the cards that they could not be asked about before."""
    due_comparisons.sweep()


@shared_task(name="issuing.tasks.sync_issuers")
def sync_issuers(**_newer: Any) -> None:
    """Begins the comparisons that are due, or goes on with them for a while."""
    schedule.sync_due()


@shared_task(name="issuing.tasks.sync_requested")
def sync_requested(*, run_id: int, **_newer: Any) -> None:
    """Goes on with a comparison that a person asked for."""
    schedule.sync_requested(run_id=run_id)


@shared_task(name="issuing.tasks.check_registrations")
def check_registrations(**_newer: Any) -> None:
    """Asks each issuer how we are registered there."""
    registration.check_all()


@shared_task(name="issuing.tasks.check_registration")
def check_registration(*, provider: str, **_newer: Any) -> None:
    """Asks one issuer now, because a person wants to know."""
    registration.check(provider)


@shared_task(name="issuing.tasks.sweep_card_funding")
def sweep_card_funding(**_newer: Any) -> None:
    """Puts on cards what their sources have paid meanwhile."""
    top_ups.sweep()


@shared_task(name="issuing.tasks.submit_dispute")
def submit_dispute(*, request_id: int, **_newer: Any) -> None:
    """Makes a try at submitting a dispute to its issuer."""
    submission.carry_out(request_id=request_id)


@shared_task(name="issuing.tasks.sweep_disputes")
def sweep_disputes(**_newer: Any) -> None:
    """Submits the disputes that the queue forgot."""
    submission.sweep()


@shared_task(name="issuing.tasks.remind_of_disputes")
def remind_of_disputes(**_newer: Any) -> None:
    """Opens a case for each dispute that must be submitted soon."""
    submission.remind()


@shared_task(name="issuing.tasks.read_issuer_balances")
def read_issuer_balances(**_newer: Any) -> None:
    """Reads our balances at the issuers."""
    balances.read_all()


@shared_task(name="issuing.tasks.sweep_settling")
def sweep_settling(**_newer: Any) -> None:
    """Settles the purchases that are closed and have been waited for."""
    close_out.sweep()


@shared_task(name="issuing.tasks.sweep_rewards")
def sweep_rewards(*, days: float = rewards_sweep.RECENT_DAYS, **_newer: Any) -> None:
    """Brings the rewards book up to date with the charges and refunds of the last days."""
    rewards_sweep.sweep(days=days)


@shared_task(name="issuing.tasks.sweep_spend")
def sweep_spend(*, days: float = spend_sweep.RECENT_DAYS, **_newer: Any) -> None:
    """Brings the caps of funding cards up to date with charges and refunds."""
    spend_sweep.sweep(days=days)


@shared_task(name="issuing.tasks.count_odds")
def count_odds(**_newer: Any) -> None:
    """Counts how likely each funding card is to pay, where choices use it."""
    odds.sweep()


@shared_task(name="issuing.tasks.sweep_space_prices")
def sweep_space_prices(**_newer: Any) -> None:
    """Prices the space in caps anew for whom the prices are old."""
    space_prices.sweep()


@shared_task(name="issuing.tasks.send_monthly_reports")
def send_monthly_reports(**_newer: Any) -> None:
    """Sends the reports of the last month that are due, for a while."""
    monthly_mail.sweep()


@shared_task(name="issuing.tasks.fall_back")
def fall_back_on_next_card(*, obligation_id: int, **_newer: Any) -> None:
    """Charges the next card for what the last one did not pay."""
    dunning.fall_back(obligation_id=obligation_id)


@shared_task(name="issuing.tasks.notice_receivable")
def notice_receivable(*, case_id: int, **_newer: Any) -> None:
    """Freezes the card by policy and notifies its cardholder of the amount due."""
    dunning.take_notice(case_id=case_id)


# Longer than other tasks, and acknowledged at its start: the broker must not hand it out a second time meanwhile.
@shared_task(name="issuing.tasks.reconcile", soft_time_limit=3600, time_limit=3660, acks_late=False)
def reconcile(**_newer: Any) -> None:
    """Compares issuers, books and processor, and opens a case for each difference."""
    recorded.run_nightly()


@shared_task(name="issuing.tasks.carry_out_reconciliation", soft_time_limit=3600, time_limit=3660, acks_late=False)
def carry_out_reconciliation(*, run_id: int, **_newer: Any) -> None:
    """Carries out the reconciliation that a person asked for."""
    recorded.carry_out(run_id=run_id)


@shared_task(name="issuing.tasks.sweep_reconciliations")
def sweep_reconciliations(**_newer: Any) -> None:
    """Has a reconciliation begun anew whose worker died or whose message the queue lost."""
    recorded.sweep()


@shared_task(name="issuing.tasks.sweep_decision_notices")
def sweep_decision_notices(**_newer: Any) -> None:
    """Tells people of the decisions that they have not heard of."""
    decision_notices.sweep()


@shared_task(name="issuing.tasks.forget_counted")
def forget_counted(**_newer: Any) -> None:
    """Deletes what no trailing window of a control holds any more."""
    counters.forget_old(now=clock.now())


@shared_task(name="issuing.tasks.count_hours")
def count_hours(**_newer: Any) -> None:
    """Counts purchases and decisions by the hour, for the charts of the home page."""
    hourly_sums.refresh()


@shared_task(name="issuing.tasks.preview_rankings")
def preview_rankings(*, preview_id: int, **_newer: Any) -> None:
    """Goes on with the preview of a draft of rankings for a while."""
    ranking_preview.go_on(preview_id=preview_id)


@shared_task(name="issuing.tasks.sweep_ranking_previews")
def sweep_ranking_previews(**_newer: Any) -> None:
    """Goes on with the previews whose message the queue lost."""
    ranking_preview.sweep()


@shared_task(name="issuing.tasks.preview_control")
def preview_control(*, preview_id: int, **_newer: Any) -> None:
    """Goes on with the preview of a control for a while."""
    control_preview.go_on(preview_id=preview_id)


@shared_task(name="issuing.tasks.sweep_control_previews")
def sweep_control_previews(**_newer: Any) -> None:
    """Goes on with the previews of controls whose message the queue lost."""
    control_preview.sweep()
