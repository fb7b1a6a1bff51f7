"""A wallet's login is fixed, and no member of staff has a wallet (docs/threat-model.md, people).

The database says so on both sides, so that no page, command or race can hand a person's wallet to staff:
- a wallet keeps the login that it was made with;
- a wallet is refused for a login that is staff; the login's row is locked, so that it cannot become staff meanwhile;
- a login that has a wallet cannot become staff.
"""

from django.conf import settings
from django.db import migrations

FORWARD = """
CREATE FUNCTION wallet_login_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.user_id IS DISTINCT FROM OLD.user_id THEN
        RAISE EXCEPTION 'The login of a wallet is fixed' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'wallet_login_is_fixed';
    END IF;
    PERFORM 1 FROM users_user WHERE id = NEW.user_id FOR SHARE;
    IF EXISTS (SELECT 1 FROM users_user WHERE id = NEW.user_id AND (is_staff OR is_superuser)) THEN
        RAISE EXCEPTION 'A member of staff has no wallet' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'wallet_login_is_no_staff';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER wallet_login_is_fixed BEFORE INSERT OR UPDATE OF user_id ON wallet_cardholder
    FOR EACH ROW EXECUTE FUNCTION wallet_login_is_fixed();

CREATE FUNCTION users_staff_has_no_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM wallet_cardholder WHERE user_id = NEW.id) THEN
        RAISE EXCEPTION 'Whoever has a wallet cannot be staff' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'staff_has_no_wallet';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_staff_has_no_wallet BEFORE UPDATE OF is_staff, is_superuser ON users_user
    FOR EACH ROW WHEN (NEW.is_staff OR NEW.is_superuser) EXECUTE FUNCTION users_staff_has_no_wallet();
"""

BACKWARD = """
DROP TRIGGER users_staff_has_no_wallet ON users_user;
DROP FUNCTION users_staff_has_no_wallet();
DROP TRIGGER wallet_login_is_fixed ON wallet_cardholder;
DROP FUNCTION wallet_login_is_fixed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0019_processor_pauses"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
