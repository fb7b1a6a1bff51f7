"""What waits, and since when."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

from issuing.models import IssuerEvent, JournalEntry
from onecard.kit import clock
from onecard.kit.postgresql import partitions
from onecard.metrics.families import age_s, single
from onecard.outbox.models import Message
from wallet.models import Case, FundingCharge
from wallet.states import DUE_CHARGE


def queues() -> Iterator[Gauge]:
    """Each by a partial index that holds only what waits: event_waiting, outbox_unsent, charge_due."""
    inbox = IssuerEvent.objects.filter(status="received").aggregate(count=Count("pk"), since=Min("received_at"))
    outbox = Message.objects.filter(published_at__isnull=True).aggregate(count=Count("pk"), since=Min("created_at"))
    due = FundingCharge.objects.filter(status__in=DUE_CHARGE, next_attempt_at__lte=clock.now()).count()
    yield single("onecard_inbox_waiting", "Events that no worker has handled yet.", inbox["count"])
    yield single("onecard_inbox_oldest_seconds", "Age of the oldest of them, or 0.", age_s(inbox["since"]))
    yield single("onecard_outbox_unpublished", "Messages that the relay has not sent yet.", outbox["count"])
    yield single("onecard_outbox_oldest_seconds", "Age of the oldest of them, or 0.", age_s(outbox["since"]))
    journal = JournalEntry.objects.aggregate(count=Count("pk"), since=Min("decided_at"))
    yield single("onecard_journal_waiting", "Decisions whose charge is not written yet.", journal["count"])
    yield single("onecard_journal_oldest_seconds", "Age of the oldest of them, or 0.", age_s(journal["since"]))
    yield single("onecard_funding_charges_due", "Charges that should be tried now.", due)


def months() -> Iterator[Gauge]:
    """Rows that no month was made for in time; they are safe, and the archive leaves them out."""
    late = Gauge("onecard_rows_without_month", "Rows in a default partition, up to 10 000.", labels=["table"])
    for table in partitions.tables():
        late.add_metric([table.name], partitions.rows_without_month(table))
    yield late


def open_cases() -> Iterator[Gauge]:
    """By the partial index one_open_case_of_a_kind."""
    cases = Gauge("onecard_cases_open", "Cases that wait for a person.", labels=["kind"])
    rows = Case.objects.filter(status="open").order_by().values("kind").annotate(count=Count("pk"))
    counts = {row["kind"]: row["count"] for row in rows}
    for kind in Case.Kind.values:
        cases.add_metric([kind], counts.get(kind, 0))
    yield cases
