-- Every statement that touches a cap gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcap_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardcap FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
