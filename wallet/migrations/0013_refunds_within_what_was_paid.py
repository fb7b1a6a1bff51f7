"""Has the database refuse a refund of more than was paid and not given back."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0013_refunds_within_what_was_paid.sql"
REMOVE = """
DROP TRIGGER wallet_refund_within_paid ON wallet_fundingrefund;
DROP FUNCTION wallet_refund_within_paid();
"""


class Migration(migrations.Migration):
    dependencies = [("wallet", "0012_people_found_and_noted")]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE)]
