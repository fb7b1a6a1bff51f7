-- Writes what follows from these entries of the journal, and deletes them: the event, the decision, its hold, the
-- obligation with its charge, the message that asks for it, the trail, and what the card's history and the fraud hooks'
-- verdicts keep of it. Returns how many entries they were. One that another transaction is writing is waited for, and
-- then gone, so all of this happens once.
CREATE OR REPLACE FUNCTION issuing_write_decisions(p_ids bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_written record;
BEGIN
    IF cardinality(p_ids) = 0 THEN
        RETURN 0;
    END IF;
    -- A plan that was made while a table was small must not go on reading it as a whole. It lasts for the transaction,
    -- since the foreign keys are checked at its end. To plan anew for each number of entries would cost more than the
    -- plan, and where a few are written out more than the work.
    PERFORM set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
            set_config('plan_cache_mode', 'force_generic_plan', true);

    WITH taken AS (
        DELETE FROM issuing_journal WHERE id = ANY(p_ids) RETURNING *
    ), entry AS MATERIALIZED (
        SELECT j.*, j.amount_minor - CASE WHEN j.approved THEN j.from_balance_minor ELSE 0 END AS to_pay_minor,
               coalesce(known.status = 'rejected', false) AS is_kept,
               CASE WHEN known.status = 'rejected' THEN known.id ELSE nextval('issuing_issuerevent_id_seq') END
                   AS stored_id,
               -- A report came under the same id while this was decided. The substitute is that of
               -- issuing.issuers.fingerprints.other_id. A rejected event, from before a repair of ours, is this one.
               CASE WHEN known.status <> 'rejected'
                    THEN 'sha256:' || encode(sha256(convert_to(j.event_id || ':' || j.fingerprint, 'UTF8')), 'hex')
                    ELSE j.event_id END AS stored_as,
               nextval('issuing_decision_id_seq') AS decision_id,
               CASE WHEN j.approved AND j.amount_minor > j.from_balance_minor
                    THEN nextval('wallet_fundingobligation_id_seq') END AS obligation_id
        -- The later of two rounds gets the higher ids.
        FROM (SELECT * FROM taken ORDER BY id) j
            LEFT JOIN LATERAL (SELECT e.id, e.status FROM issuing_issuerevent e
                WHERE e.provider = j.provider AND e.event_id = j.event_id LIMIT 1) known ON true
    ), event AS (
        INSERT INTO issuing_issuerevent AS e
                (id, provider, event_id, event_type, object_id, original_mac, fingerprint, received_at, status, reason,
                 handled_at)
            SELECT stored_id, provider, stored_as, event_type, object_id, original_mac, fingerprint, decided_at,
                   'handled', CASE WHEN stored_as = event_id THEN '' ELSE
                       'Its id, ' || event_id || ', came with something else at the same time.' END, decided_at
            FROM entry
            ON CONFLICT (provider, event_id) DO UPDATE
                SET status = 'handled', reason = '', handled_at = excluded.handled_at,
                    fingerprint = excluded.fingerprint
                WHERE e.status = 'rejected' AND e.id = excluded.id
            RETURNING id
    ), event_body AS (
        -- A rejected event, from before a repair of ours, has its body already.
        INSERT INTO issuing_eventbody (event_id, received_at, body)
            SELECT stored_id, decided_at, body FROM entry WHERE NOT is_kept
    ), obligation AS (
        INSERT INTO wallet_fundingobligation
                (id, public_id, cardholder_id, reference, purchase, description, amount_minor, currency, policy, status,
                 created_at, updated_at)
            SELECT obligation_id, obligation_public_id,
                   (SELECT cardholder_id FROM issuing_virtualcard c WHERE c.id = entry.card_id),
                   'decision:' || public_id, 'authorization:' || authorization_id, merchant_name, to_pay_minor,
                   currency, coalesce(nullif(policy, ''), 'charge_now'), 'open', decided_at, decided_at
            FROM entry WHERE obligation_id IS NOT NULL
    ), charge AS (
        INSERT INTO wallet_fundingcharge
                (public_id, obligation_id, method_id, sequence, status, idempotency_key, failure_code, failure_message,
                 attempts, next_attempt_at, created_at, updated_at)
            SELECT charge_public_id, obligation_id, method_id, 1, 'intended', idempotency_key, '', '', 0, decided_at,
                   decided_at, decided_at
            FROM entry WHERE obligation_id IS NOT NULL
            RETURNING id, created_at
    ), message AS (
        INSERT INTO outbox_message (topic, payload, created_at, attempts)
            SELECT 'funding.requested', jsonb_build_object('charge_id', id), created_at, 0 FROM charge
    ), decision AS (
        INSERT INTO issuing_decision
                (id, public_id, event_id, authorization_id, obligation_id, round_key, approved, amount_minor,
                 from_balance_minor, currency, rule, decline_reason, trace, timings_ms, response, decided_at)
            SELECT decision_id, public_id, stored_id, authorization_id, obligation_id, round_key, approved,
                   amount_minor, amount_minor - to_pay_minor, currency, CASE WHEN approved THEN rule ELSE '' END,
                   decline_reason, trace, timings_ms, response, decided_at
            FROM entry
    ), hold AS (
        INSERT INTO issuing_hold
                (decision_id, authorization_id, day_id, month_id, counter_ids, purchase_count, amount_minor, status,
                 placed_at)
            SELECT decision_id, authorization_id, day_id, month_id, counter_ids, purchase_count, amount_minor, 'placed',
                   decided_at
            FROM entry WHERE approved AND amount_minor > 0
    ), headroom AS (
        INSERT INTO issuing_hold
                (authorization_id, day_id, month_id, counter_ids, amount_minor, of_capture, is_headroom, status,
                 placed_at)
            SELECT authorization_id, day_id, month_id, counter_ids, headroom_minor, true, true, 'placed', decided_at
            FROM entry WHERE headroom_minor > 0
    ), control_hit AS (
        INSERT INTO issuing_controlhit (version_id, decision_id, action, in_shadow, amount_minor, currency, hit_at)
            SELECT (hit->>0)::bigint, decision_id, hit->>1, (hit->>2)::boolean, (hit->>3)::bigint, currency, decided_at
            FROM entry, jsonb_array_elements(trace->'control_hits') AS hit
            WHERE trace ? 'control_hits'
    ), trail AS (
        INSERT INTO audit_entry (recorded_at, actor, action, subject_type, subject_id, details)
            SELECT decided_at, 'issuer:' || provider,
                   CASE WHEN approved THEN 'authorization.approved' ELSE 'authorization.declined' END,
                   'authorization', authorization_id::text,
                   jsonb_build_object('decision', public_id, 'amount_minor', amount_minor, 'currency', currency,
                                      'from_balance_minor', from_balance_minor, 'reason', decline_reason,
                                      'method_id', method_id)
            FROM entry
    )
    SELECT count(*) AS entries, (SELECT count(*) FROM event) AS events,
           array_agg(stored_id) FILTER (WHERE stored_as <> event_id) AS substitutes,
           array_agg(decision_id) AS decisions,
           bool_or(trace ? 'control_hits' OR trace->'fraud' @? '$.*[0] ? (@ <> "allow")') AS are_verdicts,
           -- What the history of the cards keeps, taken from here so that nothing is read back.
           array_agg(decision_id) FILTER (WHERE is_of_card) AS ids,
           array_agg(authorization_id) FILTER (WHERE is_of_card) AS purchases,
           array_agg(approved) FILTER (WHERE is_of_card) AS approved,
           array_agg(amount_minor) FILTER (WHERE is_of_card) AS amounts,
           array_agg(currency::text) FILTER (WHERE is_of_card) AS currencies,
           array_agg(decided_at) FILTER (WHERE is_of_card) AS times,
           array_agg(trace->'place') FILTER (WHERE is_of_card) AS places,
           array_agg(trace->>'mcc') FILTER (WHERE is_of_card) AS mccs
        INTO v_written FROM (
            SELECT stored_id, stored_as, event_id, decision_id, authorization_id, approved, amount_minor, currency,
                   decided_at, trace, trace ? 'card_version' AS is_of_card FROM entry OFFSET 0) written;
    IF v_written.events <> v_written.entries THEN
        RAISE EXCEPTION 'An event came under the id of a decision that is being written out. Write it out again.'
            USING ERRCODE = 'serialization_failure';
    END IF;

    IF v_written.substitutes IS NOT NULL THEN
        PERFORM issuing_open_case('event_contradiction', 'issuerevent:' || e.id, e.reason || ' It was decided.',
                                  d.amount_minor, d.currency, e.handled_at)
            FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id
            WHERE e.id = ANY(v_written.substitutes);
    END IF;
    IF v_written.ids IS NOT NULL THEN
        PERFORM issuing_add_to_history(
            v_written.ids, v_written.purchases, v_written.approved, v_written.amounts, v_written.currencies,
            v_written.times, v_written.places, v_written.mccs);
    END IF;
    IF v_written.are_verdicts THEN
        PERFORM issuing_keep_verdicts(v_written.decisions);
    END IF;
    RETURN v_written.entries;
END $$;
