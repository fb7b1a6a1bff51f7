"""Installs a frozen copy of the function that opens spend windows; issuing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0008_windows_of_the_zone.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0007_cards_of_their_holder")]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop)]
