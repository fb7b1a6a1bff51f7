-- Every statement that touches a reward programme gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardprogramme_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardprogramme FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
