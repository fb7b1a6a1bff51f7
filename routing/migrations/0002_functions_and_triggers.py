"""Installs a frozen copy of the functions and triggers; routing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0002_functions_and_triggers.sql"
REMOVE = """
DROP TRIGGER routing_threshold_version ON routing_threshold;
DROP TRIGGER routing_threshold_rulebook ON routing_threshold;
DROP TRIGGER routing_rankingrow_version ON routing_rankingrow;
DROP TRIGGER routing_rankingrow_rulebook ON routing_rankingrow;
DROP TRIGGER routing_preferencemultiplier_version ON routing_preferencemultiplier;
DROP TRIGGER routing_preferencemultiplier_rulebook ON routing_preferencemultiplier;
DROP FUNCTION routing_rules_changed();
DROP SEQUENCE routing_rulebook_versions;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_functions_and_triggers"),
        ("routing", "0001_initial"),
    ]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE)]
