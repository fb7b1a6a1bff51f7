-- A person's e-mail address has changed: the issuers who know them are told (issuing/sql/profile_changed.sql).
CREATE OR REPLACE TRIGGER issuing_email_changed AFTER UPDATE OF email ON users_user
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION issuing_profile_changed();
