-- Every statement that touches a reward category gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcategory_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardcategory FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
