-- Joins two maps from a name to the day it was seen last, and keeps the newest names. The order in which days are joined
-- changes nothing: of each name the latest day counts, and of one day the name that sorts first. In PL/pgSQL, which
-- keeps the plan for the session: in SQL it would be planned anew for each column of each statement that calls it.
CREATE OR REPLACE FUNCTION issuing_newest_seen(p_known jsonb, p_more jsonb, p_most int) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p_more IS NULL OR p_known @> p_more THEN
        RETURN p_known;
    END IF;
    RETURN (SELECT coalesce(jsonb_object_agg(name, day), '{}') FROM (
        SELECT key AS name, max(value::text::int) AS day
            FROM (SELECT * FROM jsonb_each(p_known) UNION ALL SELECT * FROM jsonb_each(p_more)) seen
            GROUP BY key ORDER BY day DESC, key COLLATE "C" LIMIT p_most) newest);
END $$;
-- Adds decisions to the history of their cards, each decision once: issuing_write_decisions calls it for those that it
-- writes, and `rebuild_card_history` for those that are stored, card by card. Everything that is kept is a sum, a maximum
-- or the newest of a kind, so the order of the decisions changes nothing. Decisions that were made without the card, and
-- corrections, are not added. Amounts count in the card's own currency. issuing/history/bounds.py names the bounds.
CREATE OR REPLACE FUNCTION issuing_keep_history(p_decisions bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_cards bigint[];
BEGIN
    SELECT array_agg(DISTINCT a.card_id ORDER BY a.card_id) INTO v_cards
        FROM issuing_decision d JOIN issuing_authorization a ON a.id = d.authorization_id
        WHERE d.id = ANY(p_decisions) AND a.card_id IS NOT NULL AND d.corrects_id IS NULL AND d.trace ? 'card_version';
    IF v_cards IS NULL THEN
        RETURN;
    END IF;
    -- In the order of the cards, so that two writers wait for each other and never in a circle.
    INSERT INTO issuing_cardhistory (card_id, approvals, approved_minor, squares, recent, merchants, countries, mccs)
        SELECT id, 0, 0, 0, '[]', '{}', '{}', '{}' FROM unnest(v_cards) AS id ORDER BY id
        ON CONFLICT (card_id) DO NOTHING;
    PERFORM 1 FROM issuing_cardhistory WHERE card_id = ANY(v_cards) ORDER BY card_id FOR NO KEY UPDATE;

    WITH told AS MATERIALIZED (
        SELECT a.card_id, d.id, d.approved, d.amount_minor,
               (extract(epoch FROM d.decided_at) * 1000)::bigint AS at_ms,
               floor(extract(epoch FROM d.decided_at) / 86400)::int AS day,
               d.approved AND d.amount_minor > 0 AS is_seen,
               d.approved AND d.amount_minor > 0 AND d.currency = c.currency AS is_counted,
               -- Where the decision has no place, the purchase says it.
               coalesce((place->>'merchant')::int, ('x' || left(md5(coalesce(nullif(
                   a.merchant_network_id, ''), upper(a.merchant_name))), 8))::bit(32)::int) AS merchant,
               coalesce(place->>'country', a.merchant_country) AS country,
               coalesce(mcc_then, a.mcc) AS mcc,
               CASE WHEN (place->>'is_present')::boolean THEN place END AS present
        -- With OFFSET these parts are taken out of the trace once, and not for each thing that is read of them.
        FROM (SELECT id, authorization_id, approved, amount_minor, currency, decided_at, trace->'place' AS place,
                     trace->>'mcc' AS mcc_then, trace ? 'card_version' AS is_of_card
              FROM issuing_decision WHERE id = ANY(p_decisions) AND corrects_id IS NULL OFFSET 0) d
            JOIN issuing_authorization a ON a.id = d.authorization_id
            JOIN issuing_virtualcard c ON c.id = a.card_id
        WHERE d.is_of_card
    ), more AS (
        SELECT card_id, count(*) FILTER (WHERE is_counted) AS approvals,
               coalesce(sum(amount_minor) FILTER (WHERE is_counted), 0) AS approved_minor,
               coalesce(sum(amount_minor::numeric * amount_minor) FILTER (WHERE is_counted), 0) AS squares,
               jsonb_agg(jsonb_build_array(at_ms, amount_minor, merchant, approved::int, id)) AS recent,
               jsonb_object_agg(merchant::text, day ORDER BY day) FILTER (WHERE is_seen) AS merchants,
               jsonb_object_agg(country, day ORDER BY day) FILTER (WHERE is_seen AND country <> '') AS countries,
               jsonb_object_agg(mcc, day ORDER BY day) FILTER (WHERE is_seen AND mcc <> '') AS mccs,
               (array_agg(jsonb_build_array(at_ms, present->>'country', present->>'city', present->>'postal_code', id)
                   ORDER BY at_ms DESC, id DESC) FILTER (WHERE is_seen AND present IS NOT NULL))[1] AS last_present
        FROM told GROUP BY card_id
    )
    UPDATE issuing_cardhistory h
        SET approvals = h.approvals + more.approvals,
            approved_minor = h.approved_minor + more.approved_minor,
            squares = h.squares + more.squares,
            recent = (SELECT jsonb_agg(entry ORDER BY at_ms DESC, id DESC) FROM (
                SELECT *, row_number() OVER (ORDER BY at_ms DESC, id DESC) AS place, max(at_ms) OVER () AS newest_ms
                    FROM (SELECT entry, (entry->>0)::bigint AS at_ms, (entry->>4)::bigint AS id
                        FROM jsonb_array_elements(h.recent || more.recent) AS entry) each) ranked
                WHERE place <= 10 OR place <= 100 AND at_ms > newest_ms - 86400000),
            merchants = issuing_newest_seen(h.merchants, more.merchants, 256),
            countries = issuing_newest_seen(h.countries, more.countries, 64),
            mccs = issuing_newest_seen(h.mccs, more.mccs, 128),
            last_present = CASE WHEN more.last_present IS NULL THEN h.last_present
                WHEN h.last_present IS NULL THEN more.last_present
                WHEN ((more.last_present->>0)::bigint, (more.last_present->>4)::bigint)
                    > ((h.last_present->>0)::bigint, (h.last_present->>4)::bigint) THEN more.last_present
                ELSE h.last_present END
        FROM more WHERE h.card_id = more.card_id;
END $$;
-- Writes what follows from these entries of the journal, and deletes them: the event, the decision, its hold, the
-- obligation with its charge, the message that asks for it, the trail, and what the card's history and the fraud hooks'
-- verdicts keep of it. Returns how many entries they were. One that another transaction is writing is waited for, and
-- then gone, so all of this happens once.
CREATE OR REPLACE FUNCTION issuing_write_decisions(p_ids bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_entries bigint;
    v_events bigint;
    v_substitutes bigint[];
    v_decisions bigint[];
    v_said boolean;
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
    SELECT count(*), (SELECT count(*) FROM event),
           array_agg(stored_id) FILTER (WHERE stored_as <> event_id), array_agg(decision_id),
           bool_or(trace ?| ARRAY['fraud', 'control_hits'])
        INTO v_entries, v_events, v_substitutes, v_decisions, v_said FROM entry;
    IF v_events <> v_entries THEN
        RAISE EXCEPTION 'An event came under the id of a decision that is being written out. Write it out again.'
            USING ERRCODE = 'serialization_failure';
    END IF;

    IF v_substitutes IS NOT NULL THEN
        PERFORM issuing_open_case('event_contradiction', 'issuerevent:' || e.id, e.reason || ' It was decided.',
                                  d.amount_minor, d.currency, e.handled_at)
            FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id WHERE e.id = ANY(v_substitutes);
    END IF;
    PERFORM issuing_keep_history(v_decisions);
    IF v_said THEN
        PERFORM issuing_keep_verdicts(v_decisions);
    END IF;
    RETURN v_entries;
END $$;
