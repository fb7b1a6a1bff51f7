-- Every statement that touches a reward programme gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardprogramme_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardprogramme FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a reward programme raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardprogramme_version BEFORE UPDATE ON routing_rewardprogramme
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Every statement that touches a reward category gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcategory_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardcategory FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a reward category raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcategory_version BEFORE UPDATE ON routing_rewardcategory
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Every statement that touches a merchant list gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_merchantlist_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_merchantlist FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a merchant list raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_merchantlist_version BEFORE UPDATE ON routing_merchantlist
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Every statement that touches a product's reward terms gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardterms_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardterms FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a product's reward terms raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardterms_version BEFORE UPDATE ON routing_rewardterms
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Every statement that touches a cap gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcap_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardcap FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a cap raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcap_version BEFORE UPDATE ON routing_rewardcap
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Every statement that touches a bonus gives the rulebook a new version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardbonus_rulebook AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON routing_rewardbonus FOR EACH STATEMENT EXECUTE FUNCTION routing_rules_changed();

-- Every change to a bonus raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardbonus_version BEFORE UPDATE ON routing_rewardbonus
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
