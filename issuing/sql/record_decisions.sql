-- Commits several decisions in one transaction: p_all holds what is looked at of each proposal, and the arrays its
-- answer if it is approved, its trace, what only the single function needs, and the request. Returns for each its place
-- in them, from 1. Ordinary approvals are written as a set: the first round of an unknown purchase, within the card's
-- limits. Each other proposal is left to issuing_record_decision, which knows every case. An error in one undoes them
-- all, and the caller then has each decided alone. Each row is found by an index, whatever the size of its table when
-- the plan was made, and planning anew would cost more than the plan. The counters of controls come as arrays, with one
-- element for each counter of each proposal, by version and subject: the place of its proposal, what it may reach (-1
-- for no such limit), and the seconds of a trailing window, or 0. p_counters is how many elements these have.
CREATE OR REPLACE FUNCTION issuing_record_decisions(
    p_all jsonb, p_cards bigint[], p_answers bytea[], p_traces text[], p_alone text[], p_bodies bytea[],
    p_counters bigint, p_places bigint[], p_versions bigint[], p_subjects bigint[], p_most_minor bigint[],
    p_most_count bigint[], p_trailing_s bigint[])
RETURNS TABLE (place int, outcome text, response bytea) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_cards bigint;
    v_windows bigint;
    v_recorded int[];
    v_purchases bigint[];
    v_nows timestamptz[];
    v_amounts bigint[];
    v_ids bigint[];
    v_want record;
    v_over int[];
    v_full bigint[];
    v_trailing bigint[];
    v_since timestamptz[];
    v_room_minor bigint[];
    v_room_count bigint[];
    v_of_amount boolean[];
    v_counted text[];
BEGIN
    -- 1. Lock the cards in their order, then look: the statements below see what was committed before.
    PERFORM 1 FROM issuing_virtualcard WHERE id = ANY(p_cards) ORDER BY id FOR NO KEY UPDATE;
    GET DIAGNOSTICS v_cards = ROW_COUNT;
    -- A hold of a card that was replaced may have counted here; it gives back under its own card's lock. No window is
    -- longer than two months (open_window.sql), so the card's older ones need not be read.
    PERFORM 1 FROM issuing_spendwindow WHERE card_id = ANY(p_cards) AND kind IN ('day', 'month') AND ends_at > now()
        AND starts_at > now() - interval '70 days' ORDER BY id FOR NO KEY UPDATE;
    GET DIAGNOSTICS v_windows = ROW_COUNT;

    -- 2. Open the windows that are missing. A stale proposal opens none, since its time zone may be an old one.
    IF v_windows < 2 * v_cards THEN
        PERFORM issuing_open_window(c.id, needed.kind, p.now, alone.of->needed.kind)
            FROM jsonb_to_recordset(p_all) AS p (
                    place int, is_ordinary boolean, now timestamptz, card_id bigint, card_version bigint,
                    wallet_version bigint)
                CROSS JOIN LATERAL (SELECT p_alone[p.place]::jsonb AS of) alone
                JOIN issuing_virtualcard c ON c.id = p.card_id AND c.version = p.card_version
                CROSS JOIN (VALUES ('day'), ('month')) AS needed (kind)
            WHERE p.is_ordinary
                AND p.wallet_version = (SELECT wallet_version FROM wallet_cardholder WHERE id = c.cardholder_id)
                AND (SELECT id FROM issuing_spendwindow w WHERE w.card_id = c.id AND w.kind = needed.kind
                    AND w.starts_at > p.now - interval '70 days'
                    AND w.starts_at <= p.now AND w.ends_at > p.now LIMIT 1) IS NULL;
    END IF;

    -- 3. Find the counters of controls; open the missing ones. Then raise all of them by what this set would count, in
    -- the order in which everybody locks them: that locks each row once, and says what it comes to. Whatever is not
    -- written below is taken back before anybody else sees it. A proposal that counts where too much would be reached
    -- by all of the set is left to the single function, which knows how far each one gets.
    IF p_counters > 0 THEN
        SELECT array_agg((p.of->>'now')::timestamptz), array_agg((p.of->>'amount_minor')::bigint)
            INTO v_nows, v_amounts FROM jsonb_array_elements(p_all) AS p (of);
        FOR v_turn IN 1 .. 2 LOOP
            SELECT array_agg(c.id ORDER BY w.n) INTO v_ids
                FROM unnest(p_places, p_versions, p_subjects) WITH ORDINALITY AS w (place, version, subject, n)
                LEFT JOIN LATERAL (SELECT id FROM issuing_velocitycounter c
                    WHERE c.version_id = w.version AND c.subject_id = w.subject
                        AND c.starts_at <= v_nows[w.place] AND c.ends_at > v_nows[w.place]
                    ORDER BY c.starts_at DESC LIMIT 1) c ON true;
            EXIT WHEN v_turn = 2 OR array_position(v_ids, NULL) IS NULL;
            FOR v_want IN
                SELECT DISTINCT ON (w.version, w.subject) w.version, w.subject, w.bounds, p.now
                    FROM jsonb_to_recordset(p_all) AS p (
                            place int, now timestamptz, card_id bigint, card_version bigint, wallet_version bigint,
                            controls_version bigint, decline_reason text)
                        JOIN issuing_virtualcard c ON c.id = p.card_id AND c.version = p.card_version
                        CROSS JOIN LATERAL jsonb_to_recordset(p_alone[p.place]::jsonb->'velocity') AS w (
                            version bigint, subject bigint, bounds jsonb)
                    WHERE p.decline_reason = ''
                        AND p.wallet_version = (SELECT wallet_version FROM wallet_cardholder WHERE id = c.cardholder_id)
                        AND p.controls_version = (SELECT version FROM issuing_controlbook)
                    ORDER BY w.version, w.subject, p.place LOOP
                PERFORM issuing_open_counter(v_want.version, v_want.subject, v_want.now, v_want.bounds);
            END LOOP;
        END LOOP;
        WITH raised AS (
            UPDATE issuing_velocitycounter c
                SET spent_minor = c.spent_minor + more.amount_minor, count = c.count + more.count
                FROM (SELECT id, sum(v_amounts[place]) AS amount_minor, count(*) AS count,
                             min(most_minor) AS most_minor, min(most_count) AS most_count,
                             max(trailing_s) AS trailing_s, min(v_nows[place]) AS now
                      FROM unnest(v_ids, p_places, p_versions, p_subjects, p_most_minor, p_most_count, p_trailing_s)
                          AS w (id, place, version, subject, most_minor, most_count, trailing_s)
                      WHERE id IS NOT NULL GROUP BY id ORDER BY min(version), min(subject), min(place)) more
                WHERE c.id = more.id
                RETURNING c.id, c.spent_minor, c.count, more.amount_minor AS more_minor, more.count AS more_count,
                          most_minor, most_count, trailing_s,
                          CASE WHEN trailing_s > 0 THEN now - make_interval(secs => trailing_s) END AS since
        )
        SELECT array_agg(id) FILTER (WHERE trailing_s = 0 AND (most_minor >= 0 AND spent_minor > most_minor
                   OR most_count >= 0 AND count > most_count)),
               array_agg(id) FILTER (WHERE trailing_s > 0), array_agg(since) FILTER (WHERE trailing_s > 0),
               array_agg(most_minor - more_minor) FILTER (WHERE trailing_s > 0),
               array_agg(most_count - more_count) FILTER (WHERE trailing_s > 0),
               array_agg(most_minor >= 0) FILTER (WHERE trailing_s > 0)
            INTO v_full, v_trailing, v_since, v_room_minor, v_room_count, v_of_amount FROM raised;
        -- The rows of trailing windows are locked now, so their entries stand.
        IF v_trailing IS NOT NULL THEN
            SELECT v_full || array_agg(w.id) INTO v_full
                FROM unnest(v_trailing, v_since, v_room_minor, v_room_count, v_of_amount)
                        AS w (id, since, room_minor, room_count, of_amount)
                    CROSS JOIN LATERAL (SELECT coalesce(sum(e.amount_minor), 0) AS spent_minor,
                                               coalesce(sum(e.count), 0) AS count
                        FROM issuing_velocityentry e WHERE e.counter_id = w.id AND e.counted_at > w.since) recent
                WHERE CASE WHEN of_amount THEN recent.spent_minor > room_minor ELSE recent.count > room_count END;
        END IF;
        WITH by_place AS (
            SELECT place, bool_or(id IS NULL OR id = ANY(v_full)) AS is_over,
                   array_agg(id) FILTER (WHERE id IS NOT NULL) AS ids
            FROM unnest(v_ids, p_places) AS w (id, place) GROUP BY place
        )
        SELECT array_agg(n) FILTER (WHERE is_over), array_agg(coalesce(ids, '{}')::text ORDER BY n)
            INTO v_over, v_counted
            FROM generate_series(1, cardinality(p_bodies)) AS n LEFT JOIN by_place ON place = n;
    END IF;

    -- 4. Write the ordinary ones that find what they were made from, and room in both windows and all counters.
    WITH found AS (
        SELECT p.*, day.id AS day_id, month.id AS month_id,
               c.daily_limit_minor - day.spent_minor AS day_left_minor,
               c.monthly_limit_minor - month.spent_minor AS month_left_minor,
               sum(p.amount_minor) OVER (PARTITION BY p.card_id ORDER BY p.place) AS counted_minor
        FROM jsonb_to_recordset(p_all) AS p (
                place int, is_ordinary boolean, now timestamptz, provider text, event_id text, event_type text,
                authorization_id text, fingerprint text, round_key text, amount_minor bigint, card_id bigint,
                card_version bigint, wallet_version bigint, rulebook_version bigint, controls_version bigint,
                remaining_ms numeric,
                currency text, mcc text, merchant_name text, merchant_category text, merchant_city text,
                merchant_country text, merchant_network_id text, merchant_amount_minor bigint, merchant_currency text,
                cash_minor bigint, atm_fee_minor bigint, public_id uuid, original_mac text, rule text, policy text,
                method_id bigint, idempotency_key text, obligation_public_id uuid, charge_public_id uuid,
                timings_ms jsonb)
            JOIN issuing_virtualcard c ON c.id = p.card_id AND c.version = p.card_version
            JOIN LATERAL (SELECT w.id, w.spent_minor FROM issuing_spendwindow w
                WHERE w.card_id = p.card_id AND w.kind = 'day' AND w.starts_at <= p.now AND w.ends_at > p.now
                ORDER BY w.starts_at DESC LIMIT 1) day ON true
            JOIN LATERAL (SELECT w.id, w.spent_minor FROM issuing_spendwindow w
                WHERE w.card_id = p.card_id AND w.kind = 'month' AND w.starts_at <= p.now AND w.ends_at > p.now
                ORDER BY w.starts_at DESC LIMIT 1) month ON true
        WHERE p.is_ordinary AND p.amount_minor > 0
            AND p.rulebook_version = (SELECT version FROM routing_rulebook)
            AND p.controls_version = (SELECT version FROM issuing_controlbook)
            AND p.place = ANY(v_over) IS NOT TRUE
            AND p.wallet_version = (SELECT wallet_version FROM wallet_cardholder WHERE id = c.cardholder_id)
            -- With LIMIT each of these is a look at an index, and never a join that reads all of it.
            AND (SELECT id FROM issuing_journal j
                WHERE j.provider = p.provider AND j.event_id = p.event_id LIMIT 1) IS NULL
            AND (SELECT id FROM issuing_issuerevent e
                WHERE e.provider = p.provider AND e.event_id = p.event_id LIMIT 1) IS NULL
            AND (SELECT id FROM issuing_authorization a
                WHERE a.provider = p.provider AND a.issuer_authorization_id = p.authorization_id LIMIT 1) IS NULL
            AND extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 <= p.remaining_ms
    ), approved AS MATERIALIZED (
        SELECT *, nextval('issuing_authorization_id_seq') AS purchase_id
            FROM found WHERE counted_minor <= day_left_minor AND counted_minor <= month_left_minor
    ), purchase AS (
        INSERT INTO issuing_authorization
                (id, provider, issuer_authorization_id, card_id, status, approved_minor, currency, mcc, merchant_name,
                 merchant_category, merchant_city, merchant_country, merchant_network_id, authorization_code,
                 merchant_amount_minor, merchant_currency, cash_minor, atm_fee_minor, created_at, updated_at)
            SELECT purchase_id, provider, authorization_id, card_id, 'approved', amount_minor, currency, mcc,
                   merchant_name, merchant_category, merchant_city, merchant_country, merchant_network_id, '',
                   merchant_amount_minor, coalesce(merchant_currency, ''), coalesce(cash_minor, 0),
                   coalesce(atm_fee_minor, 0), now, now
            FROM approved
    ), counted AS (
        UPDATE issuing_spendwindow w SET spent_minor = w.spent_minor + more.amount_minor
            FROM (SELECT window_id, sum(amount_minor) AS amount_minor
                  FROM approved, unnest(ARRAY[day_id, month_id]) AS window_id GROUP BY window_id) more
            WHERE w.id = more.window_id
    ), written AS (
        INSERT INTO issuing_journal
                (provider, event_id, event_type, fingerprint, authorization_id, card_id, round_key, approved, response,
                 object_id, original_mac, public_id, amount_minor, from_balance_minor, currency, merchant_name, rule,
                 decline_reason, policy, method_id, obligation_public_id, charge_public_id, idempotency_key, day_id,
                 month_id, counter_ids, purchase_count, trace, timings_ms, body, decided_at)
            SELECT provider, event_id, event_type, fingerprint, purchase_id, card_id, round_key, true,
                   p_answers[place], authorization_id, coalesce(original_mac, ''), public_id, amount_minor, 0, currency,
                   merchant_name, coalesce(rule, ''), '', coalesce(policy, ''), method_id, obligation_public_id,
                   charge_public_id, coalesce(idempotency_key, ''), day_id, month_id,
                   coalesce(v_counted[place], '{}')::bigint[], 1, p_traces[place]::jsonb,
                   timings_ms || jsonb_build_object('record', round((extract(epoch FROM
                       clock_timestamp() - statement_timestamp()) * 1000)::numeric, 3)),
                   p_bodies[place], now
            FROM approved
    )
    SELECT array_agg(place), array_agg(purchase_id) INTO v_recorded, v_purchases FROM approved;

    -- 5. Of the counters, take back what was not written; a purchase is an entry in each trailing window.
    IF p_counters > 0 THEN
        IF coalesce(cardinality(v_recorded), 0) < cardinality(p_bodies) THEN
            UPDATE issuing_velocitycounter c
                SET spent_minor = c.spent_minor - less.amount_minor, count = c.count - less.count
                FROM (SELECT id, sum(v_amounts[place]) AS amount_minor, count(*) AS count
                      FROM unnest(v_ids, p_places) AS w (id, place)
                      WHERE place::int = ANY(v_recorded) IS NOT TRUE GROUP BY id) less
                WHERE c.id = less.id;
        END IF;
        INSERT INTO issuing_velocityentry (counter_id, authorization_id, counted_at, amount_minor, count)
            SELECT id, v_purchases[array_position(v_recorded, place::int)], v_nows[place], v_amounts[place], 1
            FROM unnest(v_ids, p_places, p_trailing_s) AS w (id, place, trailing_s)
            WHERE trailing_s > 0 AND place::int = ANY(v_recorded);
    END IF;
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY SELECT each, 'recorded', p_answers[each] FROM unnest(v_recorded) AS each;

    -- 6. The others, each alone; these see what was written above.
    IF coalesce(cardinality(v_recorded), 0) < cardinality(p_bodies) THEN
        FOR i IN 1 .. cardinality(p_bodies) LOOP
            IF i = ANY(v_recorded) IS NOT TRUE THEN
                RETURN QUERY SELECT i, alone.outcome, alone.response FROM issuing_record_decision(
                    (p_all->(i - 1)) || p_alone[i]::jsonb || jsonb_build_object('trace', p_traces[i]::jsonb),
                    p_bodies[i]) AS alone;
            END IF;
        END LOOP;
    END IF;
END $$;
