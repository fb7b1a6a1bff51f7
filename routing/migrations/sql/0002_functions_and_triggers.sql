CREATE SEQUENCE routing_rulebook_versions START 2;

-- Gives the rulebook a new version. A statement that changes any rule calls it, whoever made the change.
CREATE OR REPLACE FUNCTION routing_rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence never gives a number twice, not even after a rollback, so one version always means the same rules.
    UPDATE routing_rulebook SET version = nextval('routing_rulebook_versions');
    RETURN NULL;
END $$;

-- Every statement that touches a preference multiplier gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_preferencemultiplier_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_preferencemultiplier FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a preference multiplier raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_preferencemultiplier_version BEFORE UPDATE ON routing_preferencemultiplier
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Every statement that touches a ranking row gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rankingrow_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rankingrow FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a ranking row raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rankingrow_version BEFORE UPDATE ON routing_rankingrow
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Every statement that touches a threshold gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_threshold_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_threshold FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a threshold raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_threshold_version BEFORE UPDATE ON routing_threshold
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
