"""The raw bodies of events in a table of their own, by month (docs/decisions/0051).

Installs frozen copies of what writes them; issuing/sql/ has the current text.
"""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0029_bodies_by_month.sql"
# Bodies are compressed and stay in their row (MAIN), since a second table for long values costs more.
CREATE = """
CREATE TABLE issuing_eventbody (
    event_id bigint NOT NULL, received_at timestamptz NOT NULL, body bytea NOT NULL,
    CONSTRAINT issuing_eventbody_pkey PRIMARY KEY (event_id, received_at)
) PARTITION BY RANGE (received_at);
ALTER TABLE issuing_eventbody ALTER COLUMN body SET STORAGE MAIN;
"""
# Not every PostgreSQL is built with lz4.
COMPRESS = """
DO $$ BEGIN
    ALTER TABLE issuing_eventbody ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'PostgreSQL has no lz4 here; it compresses as it does by default.';
END $$;
"""
FILL = """
CREATE TABLE issuing_eventbody_default PARTITION OF issuing_eventbody DEFAULT;
SELECT onecard_add_partitions('issuing_eventbody',
                              greatest(least(min(received_at), now()), now() - interval '10 years')::date,
                              (now() + interval '2 months')::date) FROM issuing_issuerevent;
INSERT INTO issuing_eventbody (event_id, received_at, body) SELECT id, received_at, body FROM issuing_issuerevent;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_entries_by_month"), ("issuing", "0028_recent_windows")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(CREATE),
                migrations.RunSQL(COMPRESS),
                migrations.RunSQL(FILL),
                migrations.RunSQL(INSTALL.read_text(encoding="utf-8")),
                migrations.RunSQL("ALTER TABLE issuing_issuerevent DROP COLUMN body"),
            ],
            state_operations=[
                migrations.RemoveField("issuerevent", "body"),
                migrations.CreateModel(
                    name="EventBody",
                    fields=[
                        (
                            "event",
                            models.OneToOneField(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="issuing.issuerevent",
                            ),
                        ),
                        ("received_at", models.DateTimeField()),
                        (
                            "body",
                            models.BinaryField(
                                help_text="The raw bytes that the signature covers, with card numbers covered."
                            ),
                        ),
                    ],
                    options={"verbose_name_plural": "event bodies", "default_permissions": ()},
                ),
            ],
        ),
    ]
