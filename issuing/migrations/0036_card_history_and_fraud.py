"""A card's past in one row, and what fraud hooks said: tables of their own, so nothing that exists is locked for long.

Installs frozen copies of the functions that keep them; issuing/sql/ has the current text. The past of the decisions
that are stored already is built by `manage.py rebuild_card_history`.
"""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0036_card_history_and_fraud.sql"
# Room in each page for the row's next version: it changes with every decision, and none of its columns is in an index.
ROOM = "ALTER TABLE issuing_cardhistory SET (fillfactor = 70)"


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0035_controls"),
        ("wallet", "0019_suspected_fraud_cases"),
    ]

    operations = [
        migrations.CreateModel(
            name="CardHistory",
            fields=[
                (
                    "card",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="history",
                        serialize=False,
                        to="issuing.virtualcard",
                    ),
                ),
                (
                    "approvals",
                    models.BigIntegerField(
                        default=0, help_text="Approved rounds of more than nothing, in its currency."
                    ),
                ),
                ("approved_minor", models.BigIntegerField(default=0, help_text="Their sum.")),
                (
                    "squares",
                    models.DecimalField(
                        decimal_places=0,
                        default=0,
                        help_text="The sum of their squares, exact: no amount of money.",
                        max_digits=40,
                    ),
                ),
                ("recent", models.JSONField(default=list)),
                ("merchants", models.JSONField(default=dict)),
                ("countries", models.JSONField(default=dict)),
                ("mccs", models.JSONField(default=dict)),
                (
                    "last_present",
                    models.JSONField(
                        help_text="The last approval with the card present: [ms, country, city, postal code, key].",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "issuing_cardhistory",
            },
        ),
        migrations.CreateModel(
            name="HookHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour_at", models.DateTimeField(help_text="The hour's first moment.")),
                ("hook", models.CharField(max_length=60)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("allow", "Allowed"),
                            ("flag", "Flagged"),
                            ("would_decline", "Would have declined; flagged"),
                            ("decline", "Declined"),
                            ("late", "Late"),
                            ("raised", "Failed"),
                            ("invalid", "No verdict"),
                            ("open", "Not asked: it was late too often"),
                            ("busy", "Not asked: its earlier calls still run"),
                        ],
                        max_length=20,
                    ),
                ),
                ("calls", models.PositiveIntegerField()),
                ("took_us", models.BigIntegerField(help_text="Microseconds of all these calls together.")),
            ],
            options={
                "ordering": ["hour_at", "hook", "outcome"],
                "constraints": [
                    models.UniqueConstraint(fields=("hour_at", "hook", "outcome"), name="one_count_of_a_hook")
                ],
            },
        ),
        migrations.CreateModel(
            name="FraudVerdict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hook", models.CharField(max_length=60)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("allow", "Allowed"),
                            ("flag", "Flagged"),
                            ("would_decline", "Would have declined; flagged"),
                            ("decline", "Declined"),
                            ("late", "Late"),
                            ("raised", "Failed"),
                            ("invalid", "No verdict"),
                            ("open", "Not asked: it was late too often"),
                            ("busy", "Not asked: its earlier calls still run"),
                        ],
                        max_length=20,
                    ),
                ),
                ("score", models.PositiveSmallIntegerField(default=0, help_text="From 0 to 100.")),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("took_ms", models.PositiveIntegerField(default=0)),
                ("decided_at", models.DateTimeField()),
                (
                    "card",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fraud_verdicts",
                        to="issuing.virtualcard",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fraud_verdicts",
                        to="wallet.case",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fraud_verdicts",
                        to="issuing.decision",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(condition=models.Q(("case__isnull", False)), fields=["case"], name="verdict_of_case"),
                    models.Index(fields=["decided_at", "hook"], name="verdict_in_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("decision", "hook"), name="one_verdict_of_a_hook"),
                    models.CheckConstraint(condition=models.Q(("score__lte", 100)), name="fraud_score_in_bounds"),
                ],
            },
        ),
        migrations.AddField(
            model_name="controlhit",
            name="case",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="control_hits",
                to="wallet.case",
            ),
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
