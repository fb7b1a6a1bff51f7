-- Every statement that touches a product's reward terms gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardterms_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardterms FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
