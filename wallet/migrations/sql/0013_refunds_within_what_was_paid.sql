-- Refuses to begin a refund that would give back more of an obligation than it asked for (money-safety I9). The lock
-- makes two beginnings wait for each other, whatever their callers locked. A refund that somebody made at the processor
-- is a fact and is kept as it is.
CREATE OR REPLACE FUNCTION wallet_refund_within_paid() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    payable bigint;
    given_back bigint;
BEGIN
    SELECT amount_minor - released_minor INTO payable FROM wallet_fundingobligation
        WHERE id = NEW.obligation_id FOR NO KEY UPDATE;
    SELECT coalesce(sum(minor), 0) INTO given_back FROM (
        SELECT amount_minor AS minor FROM wallet_fundingrefund
            WHERE obligation_id = NEW.obligation_id AND status <> 'canceled'
        UNION ALL
        SELECT d.lost_minor FROM wallet_fundingdispute d JOIN wallet_fundingcharge c ON c.id = d.charge_id
            WHERE c.obligation_id = NEW.obligation_id
    ) counted;
    IF given_back + NEW.amount_minor > payable THEN
        RAISE EXCEPTION 'Refund of % on obligation %: % of % is given back', NEW.amount_minor, NEW.obligation_id,
            given_back, payable USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_paid';
    END IF;
    RETURN NEW;
END $$;
-- A refund that we begin is never more than what its obligation asked for and has not given back.
CREATE OR REPLACE TRIGGER wallet_refund_within_paid BEFORE INSERT ON wallet_fundingrefund
    FOR EACH ROW WHEN (NEW.status = 'intended') EXECUTE FUNCTION wallet_refund_within_paid();
