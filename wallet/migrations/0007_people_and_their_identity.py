import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

KYC = [
    ("not_started", "Not started"),
    ("pending", "Pending"),
    ("needs_more", "Needs more"),
    ("verified", "Verified"),
    ("rejected", "Rejected"),
    ("expired", "Expired"),
]
FLAGS = [
    ("sanctions", "On a sanctions list"),
    ("fraud", "Suspected of fraud"),
    ("legal_hold", "Held by order of a court or authority"),
    ("manual_review", "To be looked at"),
    ("watched", "Watched"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0006_saved_cards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KycEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_status", models.CharField(choices=KYC, max_length=20)),
                ("to_status", models.CharField(choices=KYC, max_length=20)),
                ("actor", models.CharField(max_length=80)),
                ("reason", models.CharField(help_text="The cardholder reads it.", max_length=300)),
                (
                    "asked",
                    models.JSONField(default=list, help_text="What the person has to give or correct, in sentences."),
                ),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="KycReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("status", models.CharField(choices=KYC, default="pending", max_length=20)),
                ("submitted_by", models.CharField(max_length=80)),
                ("submitted_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=80)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, help_text="Why it ended so, or what is asked for.", max_length=300),
                ),
            ],
            options={
                "verbose_name": "identity check",
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="cardholder",
            name="address_line2",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=120, verbose_name="address, second line"
            ),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="birth_date",
            field=models.DateField(blank=True, null=True, verbose_name="date of birth"),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="compliance_flags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(choices=FLAGS, max_length=40),
                blank=True,
                db_default=[],
                default=list,
                editable=False,
                help_text="Some of them stop every purchase of the person.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="kyc_due_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Empty: without an end.",
                null=True,
                verbose_name="identity verified until",
            ),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="legal_first_name",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=40, verbose_name="legal first name"
            ),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="legal_last_name",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=40, verbose_name="legal last name"
            ),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="terms_accepted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="terms_accepted_from",
            field=models.GenericIPAddressField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="cardholder",
            name="terms_version",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=40),
        ),
        migrations.AlterField(
            model_name="cardholder",
            name="kyc_status",
            field=models.CharField(choices=KYC, default="not_started", max_length=20),
        ),
        migrations.AddIndex(
            model_name="cardholder",
            index=models.Index(
                condition=models.Q(("kyc_status", "verified")), fields=["kyc_due_at"], name="verification_ends"
            ),
        ),
        migrations.AddField(
            model_name="kycevent",
            name="cardholder",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="kyc_events", to="wallet.cardholder"
            ),
        ),
        migrations.AddField(
            model_name="kycreview",
            name="cardholder",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="kyc_reviews",
                to="wallet.cardholder",
            ),
        ),
        migrations.AddField(
            model_name="kycevent",
            name="review",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="wallet.kycreview",
            ),
        ),
        migrations.AddConstraint(
            model_name="kycreview",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("pending", "needs_more"))),
                fields=("cardholder",),
                name="one_open_review_per_cardholder",
            ),
        ),
    ]
