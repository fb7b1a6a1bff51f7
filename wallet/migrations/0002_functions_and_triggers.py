"""Installs a frozen copy of the functions and triggers; wallet/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0002_functions_and_triggers.sql"
REMOVE = """
DROP TRIGGER users_staff_has_no_wallet ON users_user;
DROP TRIGGER wallet_posting_stays ON wallet_posting;
DROP TRIGGER wallet_login_is_fixed ON wallet_cardholder;
DROP TRIGGER wallet_fundingmethod_version ON wallet_fundingmethod;
DROP TRIGGER wallet_casenote_stays ON wallet_casenote;
DROP TRIGGER wallet_cardholder_version ON wallet_cardholder;
DROP FUNCTION users_staff_has_no_wallet();
DROP FUNCTION wallet_raise_version();
DROP FUNCTION wallet_method_changed();
DROP FUNCTION wallet_login_is_fixed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_functions_and_triggers"),
        ("users", "0001_initial"),
        ("wallet", "0001_initial"),
    ]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE)]
