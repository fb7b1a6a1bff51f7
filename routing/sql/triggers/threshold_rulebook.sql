-- Every statement that touches a threshold gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_threshold_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_threshold FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
