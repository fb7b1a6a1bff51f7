"""A delivery says whether card data in its body was covered before it was stored, and which bytes came.

Whoever changes issuing_record_decision next begins with RECORD, whoever changes issuing_refuse_event with REFUSE.
"""

from importlib import import_module

from django.db import migrations, models

# Each INSERT of a delivery gets the new column beside the body.
COLUMNS = ("object_id, body, ", "object_id, body, original_mac, ")
VALUES = ("p_body,", "p_body, coalesce(p->>'original_mac', ''),")


def with_mac(functions: str) -> str:
    inserts = functions.count("INSERT INTO issuing_issuerevent")
    assert functions.count(COLUMNS[0]) == functions.count(VALUES[0]) == inserts > 0  # noqa: S101
    return functions.replace(*COLUMNS).replace(*VALUES)


RECORD_BEFORE = str(import_module("issuing.migrations.0018_repeats_of_ended_rounds").RECORD)
RECORD = with_mac(RECORD_BEFORE)
# The second of the two functions of 0015, as it is written there.
REFUSE_BEFORE = (
    "CREATE OR REPLACE FUNCTION issuing_refuse_event"
    + str(import_module("issuing.migrations.0015_alarm_of_refused_events").FUNCTIONS).partition(
        "CREATE OR REPLACE FUNCTION issuing_refuse_event"
    )[2]
)
REFUSE = with_mac(REFUSE_BEFORE)
EVIDENCE = """
DROP TRIGGER issuing_issuerevent_is_evidence ON issuing_issuerevent;
CREATE TRIGGER issuing_issuerevent_is_evidence BEFORE UPDATE ON issuing_issuerevent
    FOR EACH ROW WHEN (
        (OLD.provider, OLD.event_id, OLD.event_type, OLD.object_id, OLD.body, {0}OLD.received_at)
        IS DISTINCT FROM
        (NEW.provider, NEW.event_id, NEW.event_type, NEW.object_id, NEW.body, {1}NEW.received_at)
    ) EXECUTE FUNCTION onecard_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("issuing", "0018_repeats_of_ended_rounds")]
    operations = [
        migrations.AddField(
            "issuerevent",
            "original_mac",
            models.CharField(
                blank=True,
                db_default="",
                editable=False,
                help_text="Set where card data was covered: proves which bytes came (onecard/kit/masked_body.py).",
                max_length=64,
            ),
        ),
        migrations.AlterField(
            "issuerevent",
            "body",
            models.BinaryField(help_text="The raw bytes that the signature covers, with card numbers covered."),
        ),
        migrations.RunSQL(EVIDENCE.format("OLD.original_mac, ", "NEW.original_mac, "), EVIDENCE.format("", "")),
        migrations.RunSQL(RECORD, RECORD_BEFORE),
        migrations.RunSQL(REFUSE, REFUSE_BEFORE),
    ]
