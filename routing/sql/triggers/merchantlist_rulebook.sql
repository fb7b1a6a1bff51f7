-- Every statement that touches a merchant list gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_merchantlist_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_merchantlist FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();
