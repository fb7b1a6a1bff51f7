"""Controls with their versions, counters, hits and passes, the counters that a hold names, and the control of cash.

Cash was a fixed refusal; it becomes an active control of the programme, so that nothing changes. A control of foreign
currency waits as a draft. Installs frozen copies of the functions and triggers; issuing/sql/ has the current text.
"""

import uuid
from pathlib import Path
from typing import Any

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

INSTALL = Path(__file__).with_name("sql") / "0035_controls.sql"
REMOVE = """
DROP TRIGGER issuing_controlversion_fixed ON issuing_controlversion;
DROP TRIGGER issuing_controlpass_changed ON issuing_controlpass;
DROP TRIGGER issuing_control_changed ON issuing_control;
DROP TRIGGER issuing_controlversion_changed ON issuing_controlversion;
DROP FUNCTION issuing_fixed_version();
DROP FUNCTION issuing_controls_changed();
DROP FUNCTION issuing_open_counter(bigint, bigint, timestamptz, jsonb);
DROP SEQUENCE issuing_controlbook_versions;
"""
SEEDS = (
    (
        "Cash",
        "active",
        "cash_not_allowed",
        "Cash and things like cash cannot be bought with this card.",
        {"attribute": "cash", "operator": "is", "value": True},
    ),
    (
        "Foreign currency",
        "draft",
        "foreign_currency_not_allowed",
        "The merchant charges in another currency than your card's.",
        {"attribute": "foreign_currency", "operator": "is", "value": True},
    ),
)


def seed(apps: Any, _schema_editor: Any) -> None:
    now = timezone.now()
    apps.get_model("issuing", "ControlBook").objects.create(id=1, version=1)
    for name, state, reason, sentence, condition in SEEDS:
        control = apps.get_model("issuing", "Control").objects.create(name=name, origin="product", created_at=now)
        is_active = state == "active"
        apps.get_model("issuing", "ControlVersion").objects.create(
            control=control,
            number=1,
            state=state,
            definition={"when": [condition], "action": {"kind": "decline"}},
            reason_code=reason,
            sentence=sentence,
            author="system:product",
            publisher="system:product" if is_active else "",
            is_own=is_active,
            created_at=now,
            changed_at=now,
            activated_at=now if is_active else None,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0034_overload_answers"),
        ("wallet", "0018_own_money"),
    ]

    operations = [
        migrations.CreateModel(
            name="Control",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "scope",
                    models.CharField(
                        choices=[("programme", "All cards"), ("cardholder", "One cardholder"), ("card", "One card")],
                        default="programme",
                        max_length=12,
                        verbose_name="applies to",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("staff", "Staff"), ("holder", "Its cardholder"), ("product", "The product")],
                        default="staff",
                        editable=False,
                        max_length=10,
                        verbose_name="made by",
                    ),
                ),
                (
                    "excluded_card_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "excluded_cardholder_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["id"],
                "permissions": [("publish_control", "Can put a control into force that somebody else wrote")],
            },
        ),
        migrations.CreateModel(
            name="ControlBook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.BigIntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name="ControlHit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("action", models.CharField(max_length=20)),
                ("in_shadow", models.BooleanField()),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("hit_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ControlPass",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("merchant_network_id", models.CharField(blank=True, max_length=64)),
                ("merchant_name", models.CharField(blank=True, max_length=120)),
                ("most_minor", models.BigIntegerField()),
                ("until", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                ("used_by", models.UUIDField(blank=True, help_text="The decision that it let pass.", null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ControlVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("shadow", "Shadow"), ("active", "Active"), ("off", "Off")],
                        default="draft",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("definition", models.JSONField(help_text="Conditions, velocity and action (docs/controls.md).")),
                (
                    "reason_code",
                    models.CharField(help_text="Of the declines, as reports and the API name it.", max_length=40),
                ),
                (
                    "sentence",
                    models.CharField(
                        help_text="What the cardholder reads when a purchase is declined.", max_length=200
                    ),
                ),
                ("author", models.CharField(editable=False, max_length=80)),
                ("publisher", models.CharField(blank=True, default="", editable=False, max_length=80)),
                (
                    "is_own",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="Written for the writer's own card, or shipped with the product.",
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "continues",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        help_text="The version whose counters it goes on from, since it counts the same.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="issuing.controlversion",
                    ),
                ),
                ("changed_at", models.DateTimeField()),
                ("shadowed_at", models.DateTimeField(blank=True, null=True)),
                ("activated_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="VelocityCounter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject_id", models.BigIntegerField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("spent_minor", models.BigIntegerField(db_default=0, default=0)),
                ("count", models.BigIntegerField(db_default=0, default=0)),
            ],
        ),
        migrations.CreateModel(
            name="VelocityEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("authorization_id", models.BigIntegerField()),
                ("counted_at", models.DateTimeField()),
                ("amount_minor", models.BigIntegerField()),
                ("count", models.SmallIntegerField(db_default=1, default=1)),
            ],
        ),
        migrations.AddField(
            model_name="hold",
            name="counter_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                db_default=[],
                default=list,
                help_text="The counters of controls that it was counted in.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="is_headroom",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Held beyond the amount, for a tip or fuel, until the first capture or the end.",
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="purchase_count",
            field=models.SmallIntegerField(
                db_default=0,
                default=0,
                help_text="1 where those counters count it as a purchase; an increment only adds its amount.",
            ),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="counter_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                db_default=[],
                default=list,
                help_text="As Hold keeps them.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="headroom_minor",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="purchase_count",
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_headroom", False), ("of_capture", True), _connector="OR"),
                name="headroom_is_for_what_a_capture_takes",
            ),
        ),
        migrations.AddField(
            model_name="control",
            name="card",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="controls",
                to="issuing.virtualcard",
            ),
        ),
        migrations.AddField(
            model_name="control",
            name="cardholder",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="controls",
                to="wallet.cardholder",
            ),
        ),
        migrations.AddConstraint(
            model_name="controlbook",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="one_book_of_controls"),
        ),
        migrations.AddField(
            model_name="controlhit",
            name="decision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="control_hits", to="issuing.decision"
            ),
        ),
        migrations.AddField(
            model_name="controlpass",
            name="card",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="control_passes",
                to="issuing.virtualcard",
            ),
        ),
        migrations.AddField(
            model_name="controlpass",
            name="control",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="passes", to="issuing.control"
            ),
        ),
        migrations.AddField(
            model_name="controlpass",
            name="decision",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="control_pass", to="issuing.decision"
            ),
        ),
        migrations.AddField(
            model_name="controlversion",
            name="control",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="versions",
                to="issuing.control",
            ),
        ),
        migrations.AddField(
            model_name="controlhit",
            name="version",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="hits",
                to="issuing.controlversion",
            ),
        ),
        migrations.AddField(
            model_name="velocitycounter",
            name="version",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="counters",
                to="issuing.controlversion",
            ),
        ),
        migrations.AddField(
            model_name="velocityentry",
            name="counter",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="entries",
                to="issuing.velocitycounter",
            ),
        ),
        migrations.AddIndex(
            model_name="control",
            index=models.Index(fields=["card"], name="control_of_card"),
        ),
        migrations.AddIndex(
            model_name="control",
            index=models.Index(fields=["cardholder"], name="control_of_cardholder"),
        ),
        migrations.AddConstraint(
            model_name="control",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("card__isnull", True), ("cardholder__isnull", True), ("scope", "programme")),
                    models.Q(("card__isnull", True), ("cardholder__isnull", False), ("scope", "cardholder")),
                    models.Q(("card__isnull", False), ("cardholder__isnull", True), ("scope", "card")),
                    _connector="OR",
                ),
                name="control_scope_names_its_subject",
            ),
        ),
        migrations.AddIndex(
            model_name="controlpass",
            index=models.Index(
                condition=models.Q(("used_at__isnull", True)), fields=["card", "until"], name="open_passes"
            ),
        ),
        migrations.AddConstraint(
            model_name="controlpass",
            constraint=models.CheckConstraint(
                condition=models.Q(("most_minor__gte", 0), ("most_minor__lte", 10000000000000)),
                name="pass_amount_in_bounds",
            ),
        ),
        migrations.AddConstraint(
            model_name="controlversion",
            constraint=models.UniqueConstraint(fields=("control", "number"), name="one_control_version_per_number"),
        ),
        migrations.AddConstraint(
            model_name="controlversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")), fields=("control",), name="one_active_version_per_control"
            ),
        ),
        migrations.AddConstraint(
            model_name="controlversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "shadow")), fields=("control",), name="one_shadow_version_per_control"
            ),
        ),
        migrations.AddConstraint(
            model_name="controlversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("activated_at__isnull", True), models.Q(("publisher", ""), _negated=True), _connector="OR"
                ),
                name="an_active_control_has_a_publisher",
            ),
        ),
        migrations.AddConstraint(
            model_name="controlversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_own", True),
                    ("publisher", ""),
                    models.Q(("publisher", models.F("author")), _negated=True),
                    _connector="OR",
                ),
                name="control_published_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="controlversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason_code", ""), _negated=True), name="control_has_a_reason_code"
            ),
        ),
        migrations.AddIndex(
            model_name="controlhit",
            index=models.Index(fields=["version", "hit_at"], name="hits_of_a_version"),
        ),
        migrations.AddConstraint(
            model_name="velocitycounter",
            constraint=models.UniqueConstraint(
                fields=("version", "subject_id", "starts_at"), name="one_counter_per_start"
            ),
        ),
        migrations.AddConstraint(
            model_name="velocitycounter",
            constraint=models.CheckConstraint(
                condition=models.Q(("count__gte", 0), ("spent_minor__gte", 0)), name="counted_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="velocitycounter",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="counter_has_length"
            ),
        ),
        migrations.AddIndex(
            model_name="velocityentry",
            index=models.Index(
                fields=["counter", "counted_at"], include=("amount_minor", "count"), name="velocity_entries_in_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="velocityentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gte", 0), ("count__gte", 0)), name="entry_not_negative"
            ),
        ),
        # A process of the release before gets an error and decides each in a thread, by the single function.
        migrations.RunSQL(
            "DROP FUNCTION issuing_record_decisions(jsonb, bigint[], bytea[], text[], text[], bytea[])",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
