-- What a version in force does is fixed.
CREATE OR REPLACE TRIGGER issuing_controlversion_fixed BEFORE UPDATE ON issuing_controlversion
    FOR EACH ROW WHEN (OLD.state <> 'draft' AND
        (OLD.definition, OLD.reason_code, OLD.sentence, OLD.author, OLD.control_id, OLD.number,
         OLD.allows_pass) IS DISTINCT FROM
        (NEW.definition, NEW.reason_code, NEW.sentence, NEW.author, NEW.control_id, NEW.number,
         NEW.allows_pass))
    EXECUTE FUNCTION issuing_fixed_version();
