"""Any change to a rule raises the row's version and the rulebook's, whoever makes it and however (money-safety T15)."""

from django.db import migrations

RULES = ("routing_rankingrow", "routing_preferencemultiplier", "routing_threshold")

FUNCTION = """
-- A sequence never gives a number twice, not even after a rollback, so one version always means the same rules.
CREATE SEQUENCE routing_rulebook_versions START 2;
CREATE FUNCTION routing_rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE routing_rulebook SET version = nextval('routing_rulebook_versions');
    RETURN NULL;
END $$;
"""


def triggers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_version BEFORE UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
        CREATE TRIGGER {table}_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
        """,
        f"DROP TRIGGER {table}_version ON {table}; DROP TRIGGER {table}_rulebook ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_initial"), ("audit", "0002_evidence")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION routing_rules_changed(); DROP SEQUENCE routing_rulebook_versions;"),
        *[triggers(table) for table in RULES],
    ]
