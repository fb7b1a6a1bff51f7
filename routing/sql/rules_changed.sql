-- Gives the rulebook a new version. A statement that changes any rule calls it, whoever made the change.
CREATE OR REPLACE FUNCTION routing_rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence never gives a number twice, not even after a rollback, so one version always means the same rules.
    UPDATE routing_rulebook SET version = nextval('routing_rulebook_versions');
    RETURN NULL;
END $$;
