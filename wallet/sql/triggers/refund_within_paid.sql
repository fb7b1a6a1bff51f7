-- A refund that we begin is never more than what its obligation asked for and has not given back.
CREATE OR REPLACE TRIGGER wallet_refund_within_paid BEFORE INSERT ON wallet_fundingrefund
    FOR EACH ROW WHEN (NEW.status = 'intended') EXECUTE FUNCTION wallet_refund_within_paid();
