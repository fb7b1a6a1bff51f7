-- Every statement that touches a bonus gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardbonus_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardbonus FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
