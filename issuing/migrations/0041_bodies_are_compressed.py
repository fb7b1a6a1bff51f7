from django.db import migrations

from issuing.models.compressed_body import CompressedBody


class Migration(migrations.Migration):
    """The column's type stays, and so does every row: its first bytes say how it is read."""

    dependencies = [
        ("issuing", "0040_writing_out_costs_less"),
    ]

    operations = [
        migrations.AlterField(
            model_name="eventbody",
            name="body",
            field=CompressedBody(help_text="The raw bytes that the signature covers, with card numbers covered."),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="body",
            field=CompressedBody(help_text="The request's raw bytes, with card numbers covered."),
        ),
    ]
