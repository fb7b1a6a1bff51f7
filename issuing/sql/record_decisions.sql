-- Commits several decisions in one transaction, with one answer for each in the order of the arrays: p_all holds the
-- proposals, p_bodies the requests. Ordinary approvals are written as a set: the first round of an unknown purchase, at
-- a card whose windows are open, within its limits. Each other proposal is left to issuing_record_decision, which knows
-- every case. An error in one undoes them all, and the caller then has each decided alone. Each row is found by an index,
-- whatever the size of its table when the plan was made, and planning anew would cost more than the plan.
CREATE OR REPLACE FUNCTION issuing_record_decisions(p_all jsonb, p_bodies bytea[])
RETURNS TABLE (outcome text, response bytea) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_cards bigint[] := ARRAY(SELECT (p->>'card_id')::bigint FROM jsonb_array_elements(p_all) AS p);
    v_recorded bigint[];
BEGIN
    -- 1. Lock the cards in their order, then look: the statements below see what was committed before.
    PERFORM 1 FROM issuing_virtualcard WHERE id = ANY(v_cards) ORDER BY id FOR NO KEY UPDATE;

    -- 2. Open the windows that are missing. A stale proposal opens none, since its time zone may be an old one.
    PERFORM issuing_open_window(c.id, needed.kind, (p->>'now')::timestamptz, p->needed.kind)
        FROM jsonb_array_elements(p_all) AS p
            JOIN issuing_virtualcard c ON c.id = (p->>'card_id')::bigint AND c.version = (p->>'card_version')::bigint
            CROSS JOIN (VALUES ('day'), ('month')) AS needed (kind)
        WHERE p->>'decline_reason' = '' AND (p->>'amount_minor')::bigint > 0
            AND (p->>'wallet_version')::bigint = (SELECT wallet_version FROM wallet_cardholder
                WHERE id = c.cardholder_id)
            -- None is longer than two months (open_window.sql), so the card's older ones need not be read.
            AND (SELECT id FROM issuing_spendwindow w WHERE w.card_id = c.id AND w.kind = needed.kind
                AND w.starts_at > (p->>'now')::timestamptz - interval '70 days'
                AND w.starts_at <= (p->>'now')::timestamptz AND w.ends_at > (p->>'now')::timestamptz LIMIT 1) IS NULL;
    -- A hold of a card that was replaced may have counted here; it gives back under its own card's lock.
    PERFORM 1 FROM issuing_spendwindow WHERE card_id = ANY(v_cards) AND kind IN ('day', 'month') AND ends_at > now()
        AND starts_at > now() - interval '70 days' ORDER BY id FOR NO KEY UPDATE;

    -- 3. Which of them are ordinary, and what does each find?
    WITH proposed AS MATERIALIZED (
        SELECT each.place, each.proposal, p.*,
               row_number() OVER (PARTITION BY p.event_id ORDER BY each.place) AS of_event,
               row_number() OVER (PARTITION BY p.authorization_id ORDER BY each.place) AS of_purchase
        FROM jsonb_array_elements(p_all) WITH ORDINALITY AS each (proposal, place),
            jsonb_to_record(each.proposal) AS p (
                now timestamptz, provider text, event_id text, event_type text, authorization_id text, fingerprint text,
                round_key text, amount_minor bigint, from_balance_minor bigint, standing_minor bigint,
                decline_reason text, card_id bigint, card_version bigint, wallet_version bigint,
                rulebook_version bigint, status_before text, contradiction text, remaining_ms numeric, currency text,
                mcc text, merchant_name text, merchant_category text, merchant_city text, merchant_country text,
                merchant_network_id text, merchant_amount_minor bigint, merchant_currency text, cash_minor bigint,
                atm_fee_minor bigint, timings_ms jsonb)
    ), found AS MATERIALIZED (
        SELECT p.*, day.id AS day_id, month.id AS month_id,
               c.daily_limit_minor - day.spent_minor AS day_left_minor,
               c.monthly_limit_minor - month.spent_minor AS month_left_minor
        FROM proposed p
            JOIN issuing_virtualcard c ON c.id = p.card_id AND c.version = p.card_version
            JOIN LATERAL (SELECT w.id, w.spent_minor FROM issuing_spendwindow w
                WHERE w.card_id = p.card_id AND w.kind = 'day' AND w.starts_at <= p.now AND w.ends_at > p.now
                ORDER BY w.starts_at DESC LIMIT 1) day ON true
            JOIN LATERAL (SELECT w.id, w.spent_minor FROM issuing_spendwindow w
                WHERE w.card_id = p.card_id AND w.kind = 'month' AND w.starts_at <= p.now AND w.ends_at > p.now
                ORDER BY w.starts_at DESC LIMIT 1) month ON true
        WHERE p.decline_reason = '' AND p.amount_minor > 0 AND p.status_before = '' AND p.contradiction IS NULL
            AND coalesce(p.from_balance_minor, 0) = 0 AND coalesce(p.standing_minor, 0) = 0
            AND p.of_event = 1 AND p.of_purchase = 1
            AND p.rulebook_version = (SELECT version FROM routing_rulebook)
            AND p.wallet_version = (SELECT wallet_version FROM wallet_cardholder WHERE id = c.cardholder_id)
            -- With LIMIT each of these is a look at an index, and never a join that reads all of it.
            AND (SELECT id FROM issuing_journal j
                WHERE j.provider = p.provider AND j.event_id = p.event_id LIMIT 1) IS NULL
            AND (SELECT id FROM issuing_issuerevent e
                WHERE e.provider = p.provider AND e.event_id = p.event_id LIMIT 1) IS NULL
            AND (SELECT id FROM issuing_authorization a
                WHERE a.provider = p.provider AND a.issuer_authorization_id = p.authorization_id LIMIT 1) IS NULL
            AND extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 <= p.remaining_ms
    ), with_those_before AS (
        SELECT f.*, sum(amount_minor) OVER (PARTITION BY card_id ORDER BY place) AS counted_minor FROM found f
    ), approved AS MATERIALIZED (
        SELECT * FROM with_those_before WHERE counted_minor <= day_left_minor AND counted_minor <= month_left_minor
    ), purchase AS (
        INSERT INTO issuing_authorization
                (provider, issuer_authorization_id, card_id, status, approved_minor, currency, mcc, merchant_name,
                 merchant_category, merchant_city, merchant_country, merchant_network_id, authorization_code,
                 merchant_amount_minor, merchant_currency, cash_minor, atm_fee_minor, created_at, updated_at)
            SELECT provider, authorization_id, card_id, 'approved', amount_minor, currency, mcc, merchant_name,
                   merchant_category, merchant_city, merchant_country, merchant_network_id, '', merchant_amount_minor,
                   coalesce(merchant_currency, ''), coalesce(cash_minor, 0), coalesce(atm_fee_minor, 0), now, now
            FROM approved
            RETURNING id, provider, issuer_authorization_id
    ), counted AS (
        UPDATE issuing_spendwindow w SET spent_minor = w.spent_minor + more.amount_minor
            FROM (SELECT window_id, sum(amount_minor) AS amount_minor
                  FROM approved, unnest(ARRAY[day_id, month_id]) AS window_id GROUP BY window_id) more
            WHERE w.id = more.window_id
    ), written AS (
        INSERT INTO issuing_journal
                (provider, event_id, event_type, fingerprint, authorization_id, card_id, round_key, approved, response,
                 facts, body, decided_at)
            SELECT p.provider, p.event_id, p.event_type, p.fingerprint, purchase.id, p.card_id, p.round_key, true,
                   convert_to(p.proposal->'responses'->>'', 'UTF8'),
                   p.proposal - '{responses,day,month,remaining_ms}'::text[] || jsonb_build_object(
                       'day_id', p.day_id, 'month_id', p.month_id,
                       'timings_ms', p.timings_ms || jsonb_build_object('record', round((extract(epoch FROM
                           clock_timestamp() - statement_timestamp()) * 1000)::numeric, 3))),
                   p_bodies[p.place], p.now
            FROM approved p JOIN purchase
                ON purchase.issuer_authorization_id = p.authorization_id AND purchase.provider = p.provider
    )
    SELECT array_agg(place) INTO v_recorded FROM approved;
    SET CONSTRAINTS ALL IMMEDIATE;

    -- 4. The others, each alone; these see what was written above.
    FOR i IN 1 .. cardinality(p_bodies) LOOP
        IF i = ANY(v_recorded) THEN
            RETURN QUERY SELECT 'recorded', convert_to(p_all->(i - 1)->'responses'->>'', 'UTF8');
        ELSE
            RETURN QUERY SELECT * FROM issuing_record_decision(p_all->(i - 1), p_bodies[i]);
        END IF;
    END LOOP;
END $$;
