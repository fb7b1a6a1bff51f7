-- Every statement that touches a preference multiplier gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_preferencemultiplier_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_preferencemultiplier FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
