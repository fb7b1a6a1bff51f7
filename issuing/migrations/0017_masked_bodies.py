"""A delivery says whether card data in its body was covered before it was stored, and which bytes came."""

import re
from typing import Any

from django.db import migrations, models

# Both functions insert deliveries; each of their INSERTs gets the new column beside the body.
FUNCTIONS = ("issuing_record_decision", "issuing_refuse_event")
COLUMNS, VALUES = (
    ("object_id, body, ", "object_id, body, original_mac, "),
    ("p_body,", "p_body, coalesce(p->>'original_mac', ''),"),
)
EVIDENCE = """
DROP TRIGGER issuing_issuerevent_is_evidence ON issuing_issuerevent;
CREATE TRIGGER issuing_issuerevent_is_evidence BEFORE UPDATE ON issuing_issuerevent
    FOR EACH ROW WHEN (
        (OLD.provider, OLD.event_id, OLD.event_type, OLD.object_id, OLD.body, {0}OLD.received_at)
        IS DISTINCT FROM
        (NEW.provider, NEW.event_id, NEW.event_type, NEW.object_id, NEW.body, {1}NEW.received_at)
    ) EXECUTE FUNCTION onecard_refuse_change();
"""


def forward(_apps: Any, schema_editor: Any) -> None:
    replace_in_functions(schema_editor, COLUMNS, VALUES)


def backward(_apps: Any, schema_editor: Any) -> None:
    replace_in_functions(schema_editor, COLUMNS[::-1], VALUES[::-1])


def replace_in_functions(schema_editor: Any, columns: tuple[str, ...], values: tuple[str, ...]) -> None:
    with schema_editor.connection.cursor() as cursor:
        for name in FUNCTIONS:
            cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [name])
            (before,) = cursor.fetchone()
            inserts = len(re.findall("INSERT INTO issuing_issuerevent", before))
            if not before.count(columns[0]) == before.count(values[0]) == inserts > 0:
                raise ValueError(f"{name} does not insert deliveries as this migration expects.")
            cursor.execute(before.replace(*columns).replace(*values))


class Migration(migrations.Migration):
    dependencies = [("issuing", "0016_reported_stops")]
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
        migrations.RunPython(forward, backward),
    ]
