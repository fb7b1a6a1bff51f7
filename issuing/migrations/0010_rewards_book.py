"""The rewards book. Its entries are added and never changed (money-safety I2)."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER issuing_rewardentry_stays BEFORE UPDATE OR DELETE ON issuing_rewardentry
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
"""

BACKWARD = "DROP TRIGGER issuing_rewardentry_stays ON issuing_rewardentry;"


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0009_settlement"),
        ("wallet", "0007_postings_stay"),
        ("audit", "0002_evidence"),
    ]

    operations = [
        migrations.CreateModel(
            name="RewardEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="Its charge or refund, such as refund:1b4e…", max_length=160, unique=True
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("charge", "Earned"), ("refund", "Taken back"), ("refund_failed", "Refund came back")],
                        max_length=20,
                    ),
                ),
                (
                    "programme",
                    models.CharField(help_text="The card product's name, else the funding card's own.", max_length=120),
                ),
                (
                    "reward_type",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("cash", "Cash back"),
                            ("points", "Points"),
                            ("miles", "Miles"),
                            ("default", "Base rate"),
                        ],
                        help_text="Empty: no ranking was known, rate 0.",
                        max_length=10,
                    ),
                ),
                (
                    "rate_milli",
                    models.BigIntegerField(
                        help_text="Units per whole currency unit, x 1000.", verbose_name="rate in thousandths"
                    ),
                ),
                (
                    "amount_minor",
                    models.BigIntegerField(help_text="Never negative: the kind says which way the money went."),
                ),
                ("currency", models.CharField(max_length=3)),
                ("units_micro", models.BigIntegerField(verbose_name="units in millionths")),
                (
                    "value_low_micro",
                    models.BigIntegerField(help_text="Millionths of the currency unit, at 0.5 cents a point."),
                ),
                ("value_face_micro", models.BigIntegerField(help_text="At 1 cent a point.")),
                ("value_high_micro", models.BigIntegerField(help_text="At 1.5 cents a point.")),
                (
                    "baseline_micro",
                    models.BigIntegerField(help_text="What a card with 1 point a unit would have earned, at face."),
                ),
                ("mcc", models.CharField(blank=True, max_length=4, verbose_name="MCC")),
                ("category", models.CharField(blank=True, max_length=200)),
                ("local_month", models.DateField(help_text="First day of the month, in the cardholder's zone.")),
                ("earned_at", models.DateTimeField(help_text="When the money moved.")),
                ("recorded_at", models.DateTimeField()),
                (
                    "charge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reward_entries",
                        to="wallet.fundingcharge",
                    ),
                ),
                (
                    "method",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reward_entries",
                        to="wallet.fundingmethod",
                    ),
                ),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reward_entries",
                        to="issuing.authorization",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reward_entries",
                        to="wallet.fundingrefund",
                    ),
                ),
            ],
            options={
                "verbose_name": "reward entry",
                "verbose_name_plural": "reward entries",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["local_month"], name="reward_month"),
                    models.Index(fields=["earned_at"], name="reward_moment"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0), ("amount_minor__lte", 10000000000000)),
                        name="reward_amount_in_bounds",
                    ),
                    models.CheckConstraint(condition=models.Q(("rate_milli__gte", 0)), name="reward_rate_not_negative"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("baseline_micro__lte", 0),
                                ("kind", "refund"),
                                ("units_micro__lte", 0),
                                ("value_face_micro__lte", 0),
                                ("value_high_micro__lte", 0),
                                ("value_low_micro__lte", 0),
                            ),
                            models.Q(
                                models.Q(("kind", "refund"), _negated=True),
                                ("baseline_micro__gte", 0),
                                ("units_micro__gte", 0),
                                ("value_face_micro__gte", 0),
                                ("value_high_micro__gte", 0),
                                ("value_low_micro__gte", 0),
                            ),
                            _connector="OR",
                        ),
                        name="reward_sign_follows_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "charge"), ("refund__isnull", True)),
                            models.Q(models.Q(("kind", "charge"), _negated=True), ("refund__isnull", False)),
                            _connector="OR",
                        ),
                        name="reward_names_its_refund",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
