-- Every statement that touches a ranking row gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rankingrow_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rankingrow FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
