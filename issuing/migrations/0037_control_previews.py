"""Previews of controls, and versions that a cardholder may answer with "it was me".

Installs a frozen copy of the trigger that fixes a version; issuing/sql/triggers/ has the current text.
"""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0037_control_previews.sql"


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0036_card_history_and_fraud"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ControlPreview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tried", models.JSONField()),
                ("days", models.PositiveSmallIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("outdated", "Ended, because the control was changed"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                (
                    "cursor",
                    models.BigIntegerField(blank=True, help_text="The newest decision that was looked at.", null=True),
                ),
                ("reached_at", models.DateTimeField(blank=True, help_text="When that decision was made.", null=True)),
                ("counters", models.JSONField(default=dict, help_text="What the control has counted by then.")),
                ("looked_at", models.PositiveIntegerField(default=0)),
                ("unreadable", models.PositiveIntegerField(default=0)),
                ("hits", models.PositiveIntegerField(default=0)),
                ("newly_declined", models.PositiveIntegerField(default=0)),
                ("newly_approved", models.PositiveIntegerField(default=0)),
                (
                    "is_cut",
                    models.BooleanField(default=False, help_text="There were more decisions than one run looks at."),
                ),
                ("days_found", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                ("worked_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ControlPreviewHit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("decision_id", models.BigIntegerField()),
                ("reference", models.CharField(max_length=40)),
                ("merchant_name", models.CharField(blank=True, max_length=120)),
                ("mcc", models.CharField(max_length=4)),
                ("decided_at", models.DateTimeField()),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("declined", "Approved then, declined with the control"),
                            ("still_declined", "Declined then and with the control"),
                            ("approved", "Declined then by this control, approved with it as it is now"),
                            ("flagged", "Approved, and a case opens"),
                            ("held_more", "Approved, and more is held"),
                            ("in_part", "Approved in part"),
                        ],
                        max_length=20,
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
                (
                    "becomes_minor",
                    models.BigIntegerField(help_text="Of a part, what is approved; with head-room, what is held."),
                ),
                ("currency", models.CharField(max_length=3)),
            ],
            options={
                "ordering": ["-decided_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="controlversion",
            name="allows_pass",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The cardholder may answer “it was me”, and one retry passes.",
            ),
        ),
        migrations.AddIndex(
            model_name="controlpass",
            index=models.Index(fields=["card", "created_at"], name="passes_of_card"),
        ),
        migrations.AddField(
            model_name="controlpreview",
            name="asked_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="controlpreview",
            name="version",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="previews",
                to="issuing.controlversion",
            ),
        ),
        migrations.AddField(
            model_name="controlpreviewhit",
            name="preview",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="found",
                to="issuing.controlpreview",
            ),
        ),
        migrations.AddIndex(
            model_name="controlpreview",
            index=models.Index(fields=["version", "-id"], name="previews_of_control"),
        ),
        migrations.AddConstraint(
            model_name="controlpreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("status", "running")),
                    models.Q(models.Q(("status", "running"), _negated=True), ("finished_at__isnull", False)),
                    _connector="OR",
                ),
                name="control_preview_ends_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="controlpreviewhit",
            constraint=models.UniqueConstraint(fields=("preview", "decision_id"), name="one_hit_per_control_preview"),
        ),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
