"""The table that counts logins while Redis is away, and the end of django-otp's.

django-otp kept seeds in clear, so its devices are not taken over: staff enrol anew by invitation.
"""

from typing import Any

from django.db import migrations

CACHE = """
CREATE TABLE IF NOT EXISTS onecard_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY, value text NOT NULL, expires timestamp with time zone NOT NULL
);
CREATE INDEX IF NOT EXISTS onecard_cache_expires ON onecard_cache (expires);
"""
DROP_OTP = """
DROP TABLE IF EXISTS otp_totp_totpdevice;
DELETE FROM django_migrations WHERE app = 'otp_totp';
"""


def forget_its_permissions(apps: Any, schema_editor: Any) -> None:
    apps.get_model("contenttypes", "ContentType").objects.filter(app_label="otp_totp").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0002_staff_logins"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunSQL(CACHE, "DROP TABLE onecard_cache"),
        migrations.RunSQL(DROP_OTP, migrations.RunSQL.noop),
        migrations.RunPython(forget_its_permissions, migrations.RunPython.noop),
    ]
