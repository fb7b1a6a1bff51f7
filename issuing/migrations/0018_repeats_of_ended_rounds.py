"""A round that was approved is not approved again once its purchase has ended without being settled.

The statement of 0014, which also answers:
    ended          the round was approved, and its purchase was declined, reversed or expired since: the event is kept
"""

from importlib import import_module

from django.db import migrations

BEFORE = str(import_module("issuing.migrations.0014_contradicting_questions").RECORD)
READ, READ_NOW = (
    "SELECT d.response, e.fingerprint INTO v_response, v_twin_fingerprint",
    "SELECT d.response, e.fingerprint, d.approved INTO v_response, v_twin_fingerprint, v_was_approved",
)
DECLARED, DECLARED_NOW = "    v_twin_fingerprint text;", "    v_twin_fingerprint text;\n    v_was_approved boolean;"
ANSWER = "        RETURN QUERY SELECT 'twin', v_response;"
ANSWER_NOW = f"""        IF v_was_approved AND v_authorization.status IN ('declined', 'reversed', 'expired') THEN
            RETURN QUERY SELECT 'ended', NULL::bytea;
            RETURN;
        END IF;
{ANSWER}"""
RECORD = BEFORE.replace(READ, READ_NOW).replace(DECLARED, DECLARED_NOW).replace(ANSWER, ANSWER_NOW)
assert RECORD.count("v_was_approved") == 3  # noqa: S101  (each of the three was found)


class Migration(migrations.Migration):
    dependencies = [("issuing", "0017_tries_of_events")]
    operations = [migrations.RunSQL(RECORD, BEFORE)]
