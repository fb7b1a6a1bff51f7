"""The table that counts logins while Redis is away (onecard/sign_in.py)."""

from django.db import migrations

CREATE = """
CREATE TABLE onecard_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY, value text NOT NULL, expires timestamp with time zone NOT NULL
);
CREATE INDEX onecard_cache_expires ON onecard_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, "DROP TABLE onecard_cache;")]
