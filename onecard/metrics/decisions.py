"""Our answers to purchases: what they were, why, how long they took, and which the issuer did not get."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import Metric

from issuing.models import Authorization, Decision
from issuing.operations.control import configured_providers
from issuing.operations.hourly_sums import ISSUER_WAITS_MS
from issuing.stand_in import policy
from issuing.states import AnswerFailure
from onecard.metrics.counting import Source, totals_of
from onecard.metrics.families import COUNTED, counter, histogram

# What a decline is about, by its reason; what is not here is "other".
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "card": ("unknown_card", "card_not_active", "card_stop_reported", "authorization_not_open"),
    "identity": ("compliance_hold", "kyc_not_verified"),
    "kind_of_purchase": ("currency_mismatch", "cash_not_allowed", "foreign_currency_not_allowed"),
    "own_control": ("single_use_card_used", "locked_to_another_merchant"),
    "limit": ("per_transaction_limit_exceeded", "daily_limit_exceeded", "monthly_limit_exceeded"),
    "no_funding_card": ("no_funding_card",),
    "fraud": ("suspected_fraud",),
    "contradiction": (
        *("another_card", "another_person", "another_currency", "not_an_increment", "increment_of_unknown"),
        *("event_id_reused", "round_contradicts"),
        *("event_of_other_mode", "event_of_other_account", "event_of_other_version"),
    ),
    "failure": ("deadline_exceeded", *policy.REASONS),
}
GROUP_OF: Final = {reason: group for group, reasons in GROUPS.items() for reason in reasons}
# A correction takes back an approval whose answer came too late to be sent; it has no times.
DECISIONS: Final = Source(
    "decisions",
    Decision.objects.all(),
    "count(*)",
    """
    SELECT found.series, found.seconds
    FROM issuing_decision d JOIN issuing_authorization a ON a.id = d.authorization_id
    CROSS JOIN LATERAL (
        SELECT sum(ms) / 1000 AS total, sum(ms) FILTER (WHERE step = 'verify') / 1000 AS verified,
            sum(ms) FILTER (WHERE step IN ('read', 'choose')) / 1000 AS chosen
        FROM (
            SELECT key AS step, CASE WHEN jsonb_typeof(value) = 'number' THEN value::text::numeric END AS ms
            FROM jsonb_each(d.timings_ms)
        ) step
    ) took
    CROSS JOIN LATERAL (VALUES
        (concat_ws('|', 'onecard_decisions', a.provider, CASE WHEN d.corrects_id IS NOT NULL THEN 'taken_back'
            WHEN d.approved THEN 'approved' ELSE 'declined' END, d.decline_reason), NULL::numeric, true),
        (concat_ws('|', 'onecard_decision_seconds', a.provider), took.total, took.total IS NOT NULL),
        (concat_ws('|', 'onecard_signature_check_seconds', a.provider), took.verified, took.verified IS NOT NULL),
        (concat_ws('|', 'onecard_card_selection_seconds', a.provider), took.chosen, took.chosen IS NOT NULL),
        (concat_ws('|', 'onecard_answers_late', a.provider), NULL, took.total > %(issuer_waits_s)s)
    ) AS found (series, seconds, is_one)
    WHERE d.id >= %(first)s AND d.id < %(end)s AND found.is_one
    UNION ALL
    SELECT concat_ws('|', 'onecard_fraud_hook_seconds', said.hook, said.verdict->>0), (said.verdict->>1)::numeric / 1000
    FROM issuing_decision d CROSS JOIN LATERAL jsonb_each(d.trace->'fraud') AS said (hook, verdict)
    WHERE d.id >= %(first)s AND d.id < %(end)s
    """,
    {"issuer_waits_s": ISSUER_WAITS_MS / 1000},
)
ANSWERS: Final = Source(
    "answers",
    Authorization.objects.all(),
    "count(*) FILTER (WHERE answer_failed <> '')",
    """
    SELECT concat_ws('|', 'onecard_answers_failed', provider, answer_failed), NULL::numeric
    FROM issuing_authorization WHERE id >= %(first)s AND id < %(end)s AND answer_failed <> ''
    """,
)


def decisions() -> Iterator[Metric]:
    """Two rows of totals."""
    counts, providers = totals_of(DECISIONS), configured_providers()
    yield counter(
        "onecard_decisions",
        f"Our answers by outcome; taken_back: an approval that was too late to be sent. {COUNTED}",
        _with_groups(counts),
        labels=("provider", "outcome", "group", "reason"),
        known=[
            *((provider, "approved", "", "") for provider in providers),
            *((provider, "declined", "failure", "deadline_exceeded") for provider in providers),
        ],
    )
    for name, meaning in (
        ("onecard_decision_seconds", "Time of an answer, from the request to the commit."),
        ("onecard_signature_check_seconds", "Time of the check of a request's signature or password, of decisions."),
        ("onecard_card_selection_seconds", "Time to read the cards and rankings and to choose a card, of decisions."),
    ):
        yield histogram(name, f"{meaning} {COUNTED}", counts, labels=("provider",))
    yield histogram(
        "onecard_fraud_hook_seconds",
        f"Time of fraud hooks by what came of them; late, raised, invalid, open and busy are skipped. {COUNTED}",
        counts,
        labels=("hook", "outcome"),
    )
    yield counter(
        "onecard_answers_late",
        f"Answers that took longer than the issuer waits. {COUNTED}",
        counts,
        labels=("provider",),
        known=[(provider,) for provider in providers],
    )
    yield counter(
        "onecard_answers_failed",
        f"Purchases that did not get the answer that they should have had from us, once it is reported. {COUNTED}",
        totals_of(ANSWERS),
        labels=("provider", "failure"),
        known=[(provider, failure) for provider in providers for failure in AnswerFailure.values],
    )


def _with_groups(counts: dict[str, int]) -> dict[str, int]:
    """Puts the group of the reason into the series of decisions."""
    found = {}
    for series, count in counts.items():
        name, *values = series.split("|")
        if name == "onecard_decisions":
            provider, outcome, reason = values
            found["|".join((name, provider, outcome, _group_of(reason), reason))] = count
    return found


def _group_of(reason: str) -> str:
    return GROUP_OF.get(reason, "other") if reason else ""
