"""For each rule of Prometheus: series at which it fires, and series near them at which nothing does.

A series is written as promtool reads it: `0+3x90` begins at 0 and grows by 3 each minute for 90 minutes.
"""

from dataclasses import dataclass
from typing import Final

Series = dict[str, str]
MINUTES: Final = 120


@dataclass(frozen=True, slots=True)
class Case:
    """The series are looked at after `at_minutes`."""

    fires: Series
    is_quiet: Series
    at_minutes: int = 100


def steady(value: float) -> str:
    return f"{value}+0x{MINUTES}"


def growing(by: float, *, after: int = 0, minutes: int = MINUTES) -> str:
    """Grows each minute; `after` so many minutes at 0."""
    return f"{f'0x{after} ' if after else ''}0+{by}x{minutes}"


def times(name: str, *, quick: float, slow: float, bound: str, labels: str = "") -> Series:
    """A histogram that gets so many quick and slow calls a minute, around a bound; the slow ones take an hour."""
    return {
        f'{name}_bucket{{{labels}le="{bound}"}}': growing(quick),
        f'{name}_bucket{{{labels}le="3600.0"}}': growing(quick + slow),
        f'{name}_bucket{{{labels}le="+Inf"}}': growing(quick + slow),
    }


def slow_and_quick(name: str, bound: str, *, labels: str = "", slow: float = 6, quick: float = 4) -> Case:
    """Of a hundred calls so many are slower than the bound."""
    return Case(
        fires=times(name, quick=100 - slow, slow=slow, bound=bound, labels=labels),
        is_quiet=times(name, quick=100 - quick, slow=quick, bound=bound, labels=labels),
    )


def calls(name: str, *, failed: float) -> Series:
    """A hundred calls a minute, of which so many fail."""
    return {f'{name}_count{{code="2xx"}}': growing(100 - failed), f'{name}_count{{code="none"}}': growing(failed)}


def answers(*, failing: float, failed: float = 0, of: float = 100) -> Series:
    """Answers of a minute, of which so many fail: by our decline, and by the issuer's report."""
    return {
        'onecard_decisions_total{provider="stripe",outcome="approved",group=""}': growing(of),
        'onecard_decisions_total{provider="stripe",outcome="declined",group="failure"}': growing(failing),
        'onecard_answers_failed_total{provider="stripe",failure="timeout"}': growing(failed),
        'onecard_answers_failed_total{provider="stripe",failure="late"}': growing(failing),
    }


def reports(*, failed: float, of: float) -> Series:
    return {
        'onecard_webhook_events_total{provider="stripe",outcome="handled"}': growing(of),
        'onecard_webhook_events_total{provider="stripe",outcome="rejected"}': growing(0),
        'onecard_webhook_events_failed_total{provider="stripe"}': growing(failed),
    }


REFUSED: Final = 'onecard_webhook_signatures_refused_day{provider="stripe"}'
DECIDED: Final = 'onecard_decisions_total{provider="stripe",outcome="approved",group=""}'
OF_LIMIT: Final = 'onecard_decisions_total{provider="stripe",outcome="declined",group="limit"}'
CREATED: Final = 'onecard_card_changes_total{kind="create",outcome="%s"}'
CHARGED: Final = 'onecard_funding_charges_total{outcome="%s"}'
CASES: Final[dict[str, Case]] = {
    "OneCardDown": Case({'up{job="onecard"}': steady(0)}, {'up{job="onecard"}': f"{'1 ' * 99}0 {'1 ' * 20}"}),
    "OneCardWorkersStopped": Case(
        {"onecard_counts_age_seconds": growing(60, after=90)}, {"onecard_counts_age_seconds": steady(290)}
    ),
    "OneCardIssuerBalanceLow": Case(
        fires={'onecard_issuer_balance_low{provider="stripe",currency="USD"}': steady(1)},
        is_quiet={'onecard_issuer_balance_low{provider="stripe",currency="USD"}': steady(0)},
    ),
    "OneCardPurchasesUnanswered": Case(
        {'onecard_answers_failed_total{provider="stripe",failure="error"}': growing(0.5)},
        {
            'onecard_answers_failed_total{provider="stripe",failure="error"}': growing(0.2),
            'onecard_answers_failed_total{provider="stripe",failure="late"}': growing(9),
        },
    ),
    "OneCardAnswersSlow": slow_and_quick("onecard_decision_seconds", "1.0", slow=2, quick=0.5),
    "OneCardSuccessLow": Case(answers(failing=0.2), answers(failing=0.03, failed=0.03)),
    "OneCardSecretRefused": Case(
        {REFUSED: growing(1), DECIDED: growing(5, minutes=60) + f" {300}+0x60"},
        {REFUSED: growing(1), DECIDED: growing(5)},
    ),
    "OneCardJournalStuck": Case(
        {"onecard_journal_oldest_seconds": growing(60, after=95)}, {"onecard_journal_oldest_seconds": steady(50)}
    ),
    "OneCardOutboxStuck": Case(
        {"onecard_outbox_oldest_seconds": growing(60, after=90)}, {"onecard_outbox_oldest_seconds": steady(110)}
    ),
    "OneCardChargesNotSent": Case(
        {"onecard_funding_charges_due": steady(30)},
        {"onecard_funding_charges_due": f"{'500 ' * 95}10 {'500 ' * 30}"},
    ),
    "OneCardSignatureCheckSlow": slow_and_quick("onecard_signature_check_seconds", "0.1"),
    "OneCardCardSelectionSlow": slow_and_quick("onecard_card_selection_seconds", "0.5"),
    "OneCardFundingChargesSlow": slow_and_quick("onecard_funding_charge_seconds", "2.0"),
    "OneCardPurchasesSlow": slow_and_quick("onecard_purchase_seconds", "5.0"),
    "OneCardIssuerSlow": slow_and_quick("onecard_issuer_call_seconds", "2.0", labels='provider="marqeta",'),
    "OneCardFrontendSlow": slow_and_quick("onecard_frontend_call_seconds", "2.0"),
    "OneCardFrontendFails": Case(
        calls("onecard_frontend_call_seconds", failed=2), calls("onecard_frontend_call_seconds", failed=0.9)
    ),
    "OneCardProcessorFails": Case(
        calls("onecard_processor_call_seconds", failed=6), calls("onecard_processor_call_seconds", failed=4)
    ),
    "OneCardChargesUnknown": Case(
        {"onecard_funding_charge_unknown_oldest_seconds": growing(60)},
        {"onecard_funding_charge_unknown_oldest_seconds": steady(3500)},
    ),
    "OneCardFundingDeclinesUnusual": Case(
        {CHARGED % "declined": growing(4), CHARGED % "succeeded": growing(6)},
        {CHARGED % "declined": growing(2), CHARGED % "succeeded": growing(6), CHARGED % "canceled": growing(9)},
    ),
    "OneCardDeclinesUnusual": Case(
        {OF_LIMIT: growing(0.2, minutes=1500) + " 300+5x60"},
        {OF_LIMIT: growing(1, minutes=1500) + " 1500+2x60"},
        at_minutes=1540,
    ),
    "OneCardWebhooksFail": Case(reports(failed=0.2, of=100), reports(failed=0.04, of=100)),
    "OneCardInboxStuck": Case(
        {"onecard_inbox_oldest_seconds": growing(60, after=70)}, {"onecard_inbox_oldest_seconds": steady(800)}
    ),
    "OneCardSignaturesRefused": Case(
        {REFUSED: growing(3), DECIDED: growing(5)}, {REFUSED: growing(1), DECIDED: growing(5)}
    ),
    "OneCardCardCreationFails": Case(
        {CREATED % "done": growing(1), CREATED % "refused": growing(0.1)},
        {CREATED % "done": growing(30), CREATED % "refused": growing(0.2)},
    ),
    "OneCardCardChangesStuck": Case(
        {"onecard_card_change_oldest_open_seconds": growing(60)},
        {"onecard_card_change_oldest_open_seconds": steady(3000)},
    ),
    "OneCardIssuerAway": Case(
        {
            'onecard_issuer_breaker{provider="stripe",state="open"}': f"{'1 0 ' * 60}",
            'onecard_issuer_breaker{provider="stripe",state="half_open"}': f"{'0 1 ' * 60}",
        },
        {
            'onecard_issuer_breaker{provider="stripe",state="open"}': f"{'0 ' * 95}{'1 ' * 20}",
            'onecard_issuer_breaker{provider="stripe",state="unknown"}': steady(1),
        },
    ),
    "OneCardRateLimitNear": Case(
        {'onecard_issuer_call_wait_seconds{provider="stripe"}': steady(7)},
        {'onecard_issuer_call_wait_seconds{provider="stripe"}': f"{'9 ' * 98}0 {'9 ' * 20}"},
    ),
    "OneCardMonthMissing": Case(
        {'onecard_rows_without_month{table="audit_entry"}': f"{5}+0x200"},
        {'onecard_rows_without_month{table="audit_entry"}': f"{'5 ' * 100}{'0 ' * 60}{'5 ' * 40}"},
        at_minutes=180,
    ),
}
