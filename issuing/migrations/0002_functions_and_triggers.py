"""Installs a frozen copy of the functions and triggers; issuing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0002_functions_and_triggers.sql"
REMOVE = """
ALTER TABLE issuing_spendwindow RESET (fillfactor);
DROP TRIGGER issuing_virtualcard_version ON issuing_virtualcard;
DROP TRIGGER issuing_rewardentry_stays ON issuing_rewardentry;
DROP TRIGGER issuing_issuerevent_stays ON issuing_issuerevent;
DROP TRIGGER issuing_issuerevent_is_evidence ON issuing_issuerevent;
DROP TRIGGER issuing_decision_is_evidence ON issuing_decision;
DROP FUNCTION issuing_record_decision(jsonb, bytea);
DROP FUNCTION issuing_refuse_event(jsonb, bytea);
DROP FUNCTION issuing_open_case(text, text, text, bigint, text, timestamptz);
DROP FUNCTION issuing_open_window(bigint, text, timestamptz, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_functions_and_triggers"),
        ("issuing", "0001_initial"),
        ("outbox", "0001_initial"),
        ("routing", "0002_functions_and_triggers"),
        ("wallet", "0002_functions_and_triggers"),
    ]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE)]
