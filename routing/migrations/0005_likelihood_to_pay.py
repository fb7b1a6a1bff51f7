"""Odds of funding cards; a change of a processor account gives the rulebook a new version."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0005_likelihood_to_pay.sql"
REMOVE = """
DROP TRIGGER routing_processorfee_rulebook ON wallet_processorfee;
DROP TRIGGER routing_processoraccount_rulebook ON wallet_processoraccount;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0004_reward_catalogue"),
        ("wallet", "0021_processor_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="MethodOdds",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("approvals", models.PositiveIntegerField(default=0, verbose_name="approvals")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                (
                    "prior_ppm",
                    models.PositiveIntegerField(
                        help_text="Of its network and issuer, in millionths.", verbose_name="prior"
                    ),
                ),
                ("approved_ppm", models.PositiveIntegerField(help_text="In millionths.", verbose_name="likelihood")),
                ("counted_at", models.DateTimeField(verbose_name="counted")),
                (
                    "method",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="odds", to="wallet.fundingmethod"
                    ),
                ),
            ],
            options={
                "verbose_name": "likelihood to pay",
                "verbose_name_plural": "likelihoods to pay",
                "ordering": ["approved_ppm", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("approvals__lte", models.F("attempts"))),
                        name="odds_approvals_within_attempts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("approved_ppm__lte", 1000000), ("prior_ppm__lte", 1000000)),
                        name="odds_are_probabilities",
                    ),
                ],
            },
        ),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE),
    ]
