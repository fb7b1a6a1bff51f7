-- Refuses decisions whose event or purchase does not exist: what a foreign key says, asked once for all rows of a
-- statement (docs/decisions/0070). Neither of them is ever deleted, so there is nothing to lock.
CREATE OR REPLACE FUNCTION issuing_decisions_have_parents() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM added
            WHERE (SELECT e.id FROM issuing_issuerevent e WHERE e.id = added.event_id) IS NULL
                OR (SELECT a.id FROM issuing_authorization a WHERE a.id = added.authorization_id) IS NULL) THEN
        RAISE EXCEPTION 'A decision names an event or a purchase that does not exist.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'issuing_decision';
    END IF;
    RETURN NULL;
END $$;
