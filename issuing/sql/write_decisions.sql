-- Writes what follows from these entries of the journal, and deletes them: the event, the decision, its hold, the
-- obligation with its charge, the message that asks for it, and the trail. Returns how many entries they were. One that
-- another transaction is writing is waited for, and then gone, so all of this happens once.
CREATE OR REPLACE FUNCTION issuing_write_decisions(p_ids bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_entries bigint;
    v_decisions bigint;
    v_substitutes bigint[];
BEGIN
    IF cardinality(p_ids) = 0 THEN
        RETURN 0;
    END IF;
    -- A plan that was made while a table was small must not go on reading it as a whole. It lasts for the transaction,
    -- since the foreign keys are checked at its end.
    PERFORM set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true);

    WITH taken AS (
        DELETE FROM issuing_journal WHERE id = ANY(p_ids) RETURNING *
    ), entry AS MATERIALIZED (
        SELECT j.*, p.*, j.facts->>'authorization_id' AS object_id,
               CASE WHEN j.approved THEN coalesce(p.from_balance_minor, 0) ELSE 0 END AS balance_pays_minor,
               -- A report came under the same id while this was decided. The substitute is that of
               -- issuing.issuers.fingerprints.other_id. A rejected event, from before a repair of ours, is this one.
               CASE WHEN (SELECT e.status FROM issuing_issuerevent e WHERE e.provider = j.provider
                              AND e.event_id = j.event_id LIMIT 1) <> 'rejected'
                    THEN 'sha256:' || encode(sha256(convert_to(j.event_id || ':' || j.fingerprint, 'UTF8')), 'hex')
                    ELSE j.event_id END AS stored_as
        FROM taken j, jsonb_to_record(j.facts) AS p (
            public_id uuid, original_mac text, amount_minor bigint, from_balance_minor bigint, currency text,
            merchant_name text, policy text, rule text, decline_reason text, trace jsonb, timings_ms jsonb,
            day_id bigint, month_id bigint, method_id bigint, idempotency_key text, obligation_public_id uuid,
            charge_public_id uuid)
    ), event AS (
        INSERT INTO issuing_issuerevent AS e
                (provider, event_id, event_type, object_id, original_mac, fingerprint, received_at, status, reason,
                 handled_at)
            SELECT provider, stored_as, event_type, object_id, coalesce(original_mac, ''), fingerprint, decided_at,
                   'handled', CASE WHEN stored_as = event_id THEN '' ELSE
                       'Its id, ' || event_id || ', came with something else at the same time.' END, decided_at
            FROM entry ORDER BY id
            ON CONFLICT (provider, event_id) DO UPDATE
                SET status = 'handled', reason = '', handled_at = excluded.handled_at,
                    fingerprint = excluded.fingerprint
                WHERE e.status = 'rejected'
            RETURNING id, provider, event_id, received_at
    ), event_body AS (
        -- A rejected event, from before a repair of ours, has its body already.
        INSERT INTO issuing_eventbody (event_id, received_at, body)
            SELECT event.id, event.received_at, entry.body
            FROM entry JOIN event ON event.provider = entry.provider AND event.event_id = entry.stored_as
            ORDER BY event.id
            ON CONFLICT (event_id, received_at) DO NOTHING
    ), obligation AS (
        INSERT INTO wallet_fundingobligation
                (public_id, cardholder_id, reference, purchase, description, amount_minor, currency, policy, status,
                 created_at, updated_at)
            SELECT obligation_public_id, (SELECT cardholder_id FROM issuing_virtualcard c WHERE c.id = entry.card_id),
                   'decision:' || public_id, 'authorization:' || authorization_id, merchant_name,
                   amount_minor - balance_pays_minor, currency, coalesce(policy, 'charge_now'), 'open', decided_at,
                   decided_at
            FROM entry WHERE approved AND amount_minor > balance_pays_minor ORDER BY id
            RETURNING id, public_id
    ), charge AS (
        INSERT INTO wallet_fundingcharge
                (public_id, obligation_id, method_id, sequence, status, idempotency_key, failure_code, failure_message,
                 attempts, next_attempt_at, created_at, updated_at)
            SELECT entry.charge_public_id, obligation.id, entry.method_id, 1, 'intended', entry.idempotency_key, '', '',
                   0, entry.decided_at, entry.decided_at, entry.decided_at
            FROM entry JOIN obligation ON obligation.public_id = entry.obligation_public_id ORDER BY obligation.id
            RETURNING id, created_at
    ), message AS (
        INSERT INTO outbox_message (topic, payload, created_at, attempts)
            SELECT 'funding.requested', jsonb_build_object('charge_id', id), created_at, 0 FROM charge ORDER BY id
    ), decision AS (
        INSERT INTO issuing_decision
                (public_id, event_id, authorization_id, obligation_id, round_key, approved, amount_minor,
                 from_balance_minor, currency, rule, decline_reason, trace, timings_ms, response, decided_at)
            SELECT entry.public_id, event.id, entry.authorization_id, obligation.id, entry.round_key, entry.approved,
                   entry.amount_minor, entry.balance_pays_minor, entry.currency,
                   CASE WHEN entry.approved THEN entry.rule ELSE '' END, entry.decline_reason, entry.trace,
                   entry.timings_ms, entry.response, entry.decided_at
            FROM entry
                JOIN event ON event.provider = entry.provider AND event.event_id = entry.stored_as
                LEFT JOIN obligation ON obligation.public_id = entry.obligation_public_id
            ORDER BY entry.id
            RETURNING id, public_id
    ), hold AS (
        INSERT INTO issuing_hold (decision_id, authorization_id, day_id, month_id, amount_minor, status, placed_at)
            SELECT decision.id, entry.authorization_id, entry.day_id, entry.month_id, entry.amount_minor, 'placed',
                   entry.decided_at
            FROM entry JOIN decision ON decision.public_id = entry.public_id
            WHERE entry.approved AND entry.amount_minor > 0 ORDER BY decision.id
    ), trail AS (
        INSERT INTO audit_entry (recorded_at, actor, action, subject_type, subject_id, details)
            SELECT decided_at, 'issuer:' || provider,
                   CASE WHEN approved THEN 'authorization.approved' ELSE 'authorization.declined' END,
                   'authorization', authorization_id::text,
                   jsonb_build_object('decision', public_id, 'amount_minor', amount_minor, 'currency', currency,
                                      'from_balance_minor', coalesce(from_balance_minor, 0), 'reason', decline_reason,
                                      'method_id', method_id)
            FROM entry ORDER BY id
    )
    SELECT count(*), (SELECT count(*) FROM decision),
           (SELECT array_agg(event.id) FROM event JOIN entry ON event.provider = entry.provider
                AND event.event_id = entry.stored_as AND entry.stored_as <> entry.event_id)
        INTO v_entries, v_decisions, v_substitutes FROM entry;
    IF v_decisions <> v_entries THEN
        RAISE EXCEPTION 'An event came under the id of a decision that is being written out. Write it out again.'
            USING ERRCODE = 'serialization_failure';
    END IF;

    PERFORM issuing_open_case('event_contradiction', 'issuerevent:' || e.id, e.reason || ' It was decided.',
                              d.amount_minor, d.currency, e.handled_at)
        FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id WHERE e.id = ANY(v_substitutes);
    RETURN v_entries;
END $$;
