-- Joins a card's newest decisions, which stand newest first, with more of them in any order, and keeps what
-- issuing/history/bounds.py says. Each is [milliseconds since 1970, minor units, merchant, 1 for approved, its key].
CREATE OR REPLACE FUNCTION issuing_newest_decisions(p_known jsonb, p_more jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_at_ms bigint := p_more->0->>0;
    v_last int := jsonb_array_length(p_known);
BEGIN
    -- The usual case is one more that came after the others: it goes before them, and the oldest ones may fall out.
    IF jsonb_array_length(p_more) = 1 AND (v_last = 0 OR (p_known->0->>0)::bigint < v_at_ms) THEN
        WHILE v_last >= 10
                AND (v_last >= 100 OR (p_known->(v_last - 1)->>0)::bigint <= v_at_ms - 86400000) LOOP
            v_last := v_last - 1;
            p_known := p_known - v_last;
        END LOOP;
        RETURN p_more || p_known;
    END IF;
    RETURN (SELECT jsonb_agg(entry ORDER BY at_ms DESC, id DESC) FROM (
        SELECT *, row_number() OVER (ORDER BY at_ms DESC, id DESC) AS place, max(at_ms) OVER () AS newest_ms
            FROM (SELECT entry, (entry->>0)::bigint AS at_ms, (entry->>4)::bigint AS id
                FROM jsonb_array_elements(p_known || p_more) AS entry) each) ranked
        WHERE place <= 10 OR place <= 100 AND at_ms > newest_ms - 86400000);
END $$;
-- Adds decisions to the history of their cards, in the order of the cards, so that two writers wait for each other and
-- never in a circle. The arrays have one element for each decision: its key, its purchase, and what it says; its place
-- is null where the purchase says the same. Everything that is kept is a sum, a maximum or the newest of a kind, so the
-- order of the decisions changes nothing. Amounts count in the card's own currency. issuing/history/bounds.py names the
-- bounds.
CREATE OR REPLACE FUNCTION issuing_add_to_history(
    p_ids bigint[], p_purchases bigint[], p_approved boolean[], p_amounts bigint[], p_currencies text[],
    p_times timestamptz[], p_places jsonb[], p_mccs text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH told AS (
        SELECT a.card_id, d.id, d.approved, d.amount_minor,
               (extract(epoch FROM d.decided_at) * 1000)::bigint AS at_ms,
               floor(extract(epoch FROM d.decided_at) / 86400)::int AS day,
               d.approved AND d.amount_minor > 0 AS is_seen,
               d.approved AND d.amount_minor > 0 AND d.currency = c.currency AS is_counted,
               coalesce((d.place->>'merchant')::int, ('x' || left(md5(coalesce(nullif(
                   a.merchant_network_id, ''), upper(a.merchant_name))), 8))::bit(32)::int)::text AS merchant,
               coalesce(d.place->>'country', a.merchant_country) AS country,
               coalesce(d.mcc, a.mcc) AS mcc,
               CASE WHEN (d.place->>'is_present')::boolean THEN d.place END AS present
        FROM unnest(p_ids, p_purchases, p_approved, p_amounts, p_currencies, p_times, p_places, p_mccs)
                AS d (id, purchase_id, approved, amount_minor, currency, decided_at, place, mcc)
            JOIN issuing_authorization a ON a.id = d.purchase_id
            JOIN issuing_virtualcard c ON c.id = a.card_id
        -- In this order the later day of a name is the one that counts, and the last presence the newest.
        ORDER BY a.card_id, at_ms, d.id
    ), more AS (
        SELECT card_id, count(*) AS decisions, count(*) FILTER (WHERE is_counted) AS approvals,
               coalesce(sum(amount_minor) FILTER (WHERE is_counted), 0) AS approved_minor,
               coalesce(sum(amount_minor::numeric * amount_minor) FILTER (WHERE is_counted), 0) AS squares,
               jsonb_agg(jsonb_build_array(at_ms, amount_minor, merchant::int, approved::int, id)) AS recent,
               coalesce(jsonb_object_agg(merchant, day) FILTER (WHERE is_seen), '{}') AS merchants,
               coalesce(jsonb_object_agg(country, day) FILTER (WHERE is_seen AND country <> ''), '{}') AS countries,
               coalesce(jsonb_object_agg(mcc, day) FILTER (WHERE is_seen AND mcc <> ''), '{}') AS mccs,
               array_agg(jsonb_build_array(at_ms, present->>'country', present->>'city', present->>'postal_code', id))
                   FILTER (WHERE is_seen AND present IS NOT NULL) AS presences
        FROM told GROUP BY card_id
    )
    INSERT INTO issuing_cardhistory AS h
            (card_id, approvals, approved_minor, squares, recent, merchants, countries, mccs, last_present)
        SELECT card_id, approvals, approved_minor, squares,
               CASE WHEN decisions = 1 THEN recent ELSE issuing_newest_decisions('[]', recent) END,
               CASE WHEN decisions <= 64 THEN merchants ELSE issuing_newest_seen('{}', merchants, 256) END,
               CASE WHEN decisions <= 64 THEN countries ELSE issuing_newest_seen('{}', countries, 64) END,
               CASE WHEN decisions <= 64 THEN mccs ELSE issuing_newest_seen('{}', mccs, 128) END,
               presences[cardinality(presences)]
        FROM more ORDER BY card_id
        ON CONFLICT (card_id) DO UPDATE
            SET approvals = h.approvals + excluded.approvals,
                approved_minor = h.approved_minor + excluded.approved_minor,
                squares = h.squares + excluded.squares,
                recent = issuing_newest_decisions(h.recent, excluded.recent),
                merchants = CASE WHEN h.merchants @> excluded.merchants THEN h.merchants
                    ELSE issuing_newest_seen(h.merchants, excluded.merchants, 256) END,
                countries = CASE WHEN h.countries @> excluded.countries THEN h.countries
                    ELSE issuing_newest_seen(h.countries, excluded.countries, 64) END,
                mccs = CASE WHEN h.mccs @> excluded.mccs THEN h.mccs
                    ELSE issuing_newest_seen(h.mccs, excluded.mccs, 128) END,
                last_present = CASE WHEN excluded.last_present IS NULL THEN h.last_present
                    WHEN h.last_present IS NULL THEN excluded.last_present
                    WHEN ((excluded.last_present->>0)::bigint, (excluded.last_present->>4)::bigint)
                        > ((h.last_present->>0)::bigint, (h.last_present->>4)::bigint) THEN excluded.last_present
                    ELSE h.last_present END;
END $$;
-- Adds stored decisions to the history of their cards, each decision once: `rebuild_card_history` calls it, card by card.
-- Decisions that were made without the card, and corrections, are not added.
CREATE OR REPLACE FUNCTION issuing_keep_history(p_decisions bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM issuing_add_to_history(
            array_agg(id), array_agg(authorization_id), array_agg(approved), array_agg(amount_minor),
            array_agg(currency::text), array_agg(decided_at), array_agg(place), array_agg(mcc))
        -- With OFFSET these parts are taken out of the trace once.
        FROM (SELECT *, trace->'place' AS place, trace->>'mcc' AS mcc FROM issuing_decision
            WHERE id = ANY(p_decisions) AND corrects_id IS NULL AND trace ? 'card_version' OFFSET 0) d;
END $$;
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
