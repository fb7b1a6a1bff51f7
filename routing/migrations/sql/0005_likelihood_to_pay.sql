-- Every statement that touches a processor account gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_processoraccount_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON wallet_processoraccount FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
-- Every statement that touches a processor's fee gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_processorfee_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON wallet_processorfee FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
