-- What was received never changes (money-safety I2). How far an event is handled does.
CREATE OR REPLACE TRIGGER issuing_issuerevent_is_evidence BEFORE UPDATE ON issuing_issuerevent
    FOR EACH ROW WHEN (
        (OLD.provider, OLD.event_id, OLD.event_type, OLD.object_id, OLD.original_mac, OLD.received_at)
        IS DISTINCT FROM
        (NEW.provider, NEW.event_id, NEW.event_type, NEW.object_id, NEW.original_mac, NEW.received_at)
        -- A rejected event gets its fingerprint when it is understood, after a repair.
        OR OLD.fingerprint <> NEW.fingerprint AND OLD.status <> 'rejected'
    ) EXECUTE FUNCTION onecard_refuse_change();
