-- Commits a decision: one call and one round trip for everything that belongs to the answer (docs/decisions/0003).
-- issuing/authorizations/decision_store.py calls it and names the parts of p. What Python chose is a proposal: this
-- function locks the card, looks again, and then writes what the answer stands on: the purchase's total, the card's
-- counters and balance, and one entry of the journal. What follows from it (event, decision, hold, obligation with its
-- charge, trail) is written a moment later by issuing_write_decisions (docs/decisions/0049). Its outcome is one of
--   recorded       The decision is written. `response` is the answer; the limits may have made it a decline.
--   duplicate      The event was answered before; `response` is that answer.
--   twin           Another event asked the same round; `response` is that round's answer. The event is kept.
--   stale          The card, wallet or authorization changed since the proposal was made: read and decide again.
--   reused         The event's id came before with something else. It is kept under a hash, with a case; no decision.
--   contradiction  The round was asked before with something else. It is kept under its id, with a case; no decision.
--   ended          The round was approved, and its purchase was declined, reversed or expired since. The event is kept.
CREATE OR REPLACE FUNCTION issuing_record_decision(p jsonb, p_body bytea) RETURNS TABLE (outcome text, response bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := (p->>'now')::timestamptz;
    v_amount bigint := (p->>'amount_minor')::bigint;
    v_from_balance bigint := coalesce((p->>'from_balance_minor')::bigint, 0);
    v_reason text := p->>'decline_reason';
    v_known record;
    v_twin_fingerprint text;
    v_was_approved boolean;
    v_standing bigint := coalesce((p->>'standing_minor')::bigint, 0);
    v_unheld bigint := 0;
    v_without_us bigint := 0;
    v_card issuing_virtualcard;
    v_holder_version bigint;
    v_authorization issuing_authorization;
    v_day issuing_spendwindow;
    v_month issuing_spendwindow;
    v_limit jsonb := '{}';
    v_response bytea;
    v_authorization_id bigint;
BEGIN
    -- 1. Lock the card, then look: each statement below sees what was committed before the lock was given. Without a
    -- card, the names are locked.
    SELECT * INTO v_card FROM issuing_virtualcard WHERE id = (p->>'card_id')::bigint FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('issuing.event:' || (p->>'provider') || ':' || name, 0))
            FROM (VALUES (p->>'authorization_id'), (p->>'event_id')) AS named (name) ORDER BY name;
    END IF;

    -- 2. Was this event answered before? The journal comes first: an entry that is written out meanwhile is found
    -- among the events. Both give columns of the same types: a session's plans allow no others.
    SELECT j.event_type, j.fingerprint, 'handled'::varchar AS status, j.response, NULL::bigint AS id INTO v_known
        FROM issuing_journal j WHERE j.provider = p->>'provider' AND j.event_id = p->>'event_id';
    IF NOT FOUND THEN
        SELECT e.event_type, e.fingerprint, e.status, NULL::bytea AS response, e.id INTO v_known
            FROM issuing_issuerevent e WHERE e.provider = p->>'provider' AND e.event_id = p->>'event_id';
    END IF;
    -- An id belongs to one type of event and one question. A rejected event was never understood, so it has none.
    IF v_known.status <> 'rejected' AND (v_known.event_type <> p->>'event_type'
            OR v_known.fingerprint <> '' AND v_known.fingerprint <> p->>'fingerprint') THEN
        PERFORM issuing_refuse_event(p || jsonb_build_object(
            'event_id', 'sha256:' || encode(sha256(convert_to(
                (p->>'event_id') || ':' || (p->>'fingerprint'), 'UTF8')), 'hex'),
            'refused_because', 'Its id, ' || (p->>'event_id') || ', came before with something else. Declined.'
            ), p_body);
        RETURN QUERY SELECT 'reused', NULL::bytea;
        RETURN;
    END IF;
    v_response := v_known.response;
    IF v_response IS NULL AND v_known.id IS NOT NULL THEN
        SELECT d.response INTO v_response FROM issuing_decision d
            WHERE d.event_id = v_known.id ORDER BY d.id DESC LIMIT 1;
    END IF;
    IF v_response IS NOT NULL THEN
        RETURN QUERY SELECT 'duplicate', v_response;
        RETURN;
    END IF;

    -- 3. Was this round answered before, for another event?
    SELECT * INTO v_authorization FROM issuing_authorization
        WHERE provider = p->>'provider' AND issuer_authorization_id = p->>'authorization_id' FOR NO KEY UPDATE;
    SELECT j.response, j.fingerprint, j.approved INTO v_response, v_twin_fingerprint, v_was_approved
        FROM issuing_journal j WHERE j.authorization_id = v_authorization.id AND j.round_key = p->>'round_key';
    IF NOT FOUND THEN
        SELECT d.response, e.fingerprint, d.approved INTO v_response, v_twin_fingerprint, v_was_approved
            FROM issuing_decision d JOIN issuing_issuerevent e ON e.id = d.event_id
            WHERE d.authorization_id = v_authorization.id AND d.round_key = p->>'round_key'
            ORDER BY d.id DESC LIMIT 1;
    END IF;
    IF FOUND AND v_twin_fingerprint NOT IN ('', p->>'fingerprint') THEN
        PERFORM issuing_refuse_event(p || jsonb_build_object('reference', 'authorization:' || v_authorization.id,
            'refused_because', 'The issuer asked for a round of ' || (p->>'authorization_id')
            || ' again, with another card, amount or merchant. Declined.'), p_body);
        RETURN QUERY SELECT 'contradiction', NULL::bytea;
        RETURN;
    ELSIF FOUND THEN
        WITH event AS (
            INSERT INTO issuing_issuerevent
                    (provider, event_id, event_type, object_id, original_mac, fingerprint, received_at, status, reason,
                     handled_at)
                VALUES (p->>'provider', p->>'event_id', p->>'event_type', p->>'authorization_id',
                        coalesce(p->>'original_mac', ''), p->>'fingerprint', v_now, 'handled',
                        'A second event for a round that was answered already.', v_now)
                ON CONFLICT (provider, event_id) DO NOTHING
                RETURNING id
        )
        INSERT INTO issuing_eventbody (event_id, received_at, body) SELECT id, v_now, p_body FROM event;
        IF v_was_approved AND v_authorization.status IN ('declined', 'reversed', 'expired') THEN
            RETURN QUERY SELECT 'ended', NULL::bytea;
            RETURN;
        END IF;
        RETURN QUERY SELECT 'twin', v_response;
        RETURN;
    END IF;

    -- 4. Is what the proposal was made from still so?
    SELECT wallet_version INTO v_holder_version FROM wallet_cardholder WHERE id = v_card.cardholder_id;
    IF v_card.version IS DISTINCT FROM (p->>'card_version')::bigint
       OR v_holder_version IS DISTINCT FROM (p->>'wallet_version')::bigint
       OR coalesce(v_authorization.approved_minor, 0) <> (p->>'approved_before_minor')::bigint
       OR coalesce(v_authorization.status, '') <> p->>'status_before'
       OR p ? 'card_before' AND v_authorization.card_id IS DISTINCT FROM (p->>'card_before')::bigint
       -- A process that has kept the card and the rules in its memory names the version of both.
       OR p ? 'rulebook_version' AND (SELECT version FROM routing_rulebook) <> (p->>'rulebook_version')::bigint
       -- The card's version covers its balance. This line makes sure that a balance never pays more than it has.
       OR v_from_balance > 0 AND (NOT v_card.spends_balance OR v_card.balance_minor < v_from_balance) THEN
        RETURN QUERY SELECT 'stale', NULL::bytea;
        RETURN;
    END IF;

    -- 5. Check the limits. What the issuer has approved and we do not hold was approved without us, and counts too.
    IF v_standing > 0 THEN
        PERFORM issuing_write_decisions(ARRAY(SELECT id FROM issuing_journal
            WHERE authorization_id = v_authorization.id));
        SELECT v_standing - coalesce(sum(amount_minor - released_minor), 0) INTO v_unheld
            FROM issuing_hold WHERE authorization_id = v_authorization.id AND status = 'placed' AND NOT of_capture;
        v_unheld := greatest(0, v_unheld);
        v_without_us := greatest(0, v_standing - coalesce(v_authorization.approved_minor, 0));
    END IF;
    IF v_reason = '' AND v_amount > 0 OR v_unheld > 0 THEN
        v_day := issuing_open_window(v_card.id, 'day', v_now, p->'day');
        v_month := issuing_open_window(v_card.id, 'month', v_now, p->'month');
    END IF;
    -- What stand-in approved has been answered: it counts, over a limit as well (docs/decisions/0056).
    IF v_reason = '' AND v_amount > 0 AND NOT p ? 'stand_in' THEN
        v_reason := CASE
            WHEN v_day.spent_minor + v_unheld + v_amount > v_card.daily_limit_minor THEN 'daily_limit_exceeded'
            WHEN v_month.spent_minor + v_unheld + v_amount > v_card.monthly_limit_minor THEN 'monthly_limit_exceeded'
            ELSE '' END;
        -- The trace keeps the numbers of the limit, for the sentence that the cardholder reads.
        v_limit := CASE v_reason
            WHEN 'daily_limit_exceeded' THEN jsonb_build_object('limit', jsonb_build_object('kind', 'day',
                'limit_minor', v_card.daily_limit_minor, 'spent_minor', v_day.spent_minor + v_unheld,
                'until', v_day.ends_at))
            WHEN 'monthly_limit_exceeded' THEN jsonb_build_object('limit', jsonb_build_object('kind', 'month',
                'limit_minor', v_card.monthly_limit_minor, 'spent_minor', v_month.spent_minor + v_unheld,
                'until', v_month.ends_at))
            ELSE v_limit END;
    END IF;
    IF v_reason = '' AND NOT p ? 'stand_in'
                     AND extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000
                         > (p->>'remaining_ms')::numeric THEN
        v_reason := 'deadline_exceeded';
    END IF;
    v_response := convert_to(p->'responses'->>v_reason, 'UTF8');

    -- 6. Write the authorization.
    INSERT INTO issuing_authorization AS a
            (provider, issuer_authorization_id, card_id, status, approved_minor, currency, mcc, merchant_name,
             merchant_category, merchant_city, merchant_country, merchant_network_id, authorization_code,
             merchant_amount_minor, merchant_currency, cash_minor, atm_fee_minor, created_at, updated_at)
        VALUES (p->>'provider', p->>'authorization_id', v_card.id,
                CASE WHEN v_reason = '' OR v_without_us > 0 THEN 'approved' ELSE 'declined' END,
                v_without_us + CASE WHEN v_reason = '' THEN v_amount ELSE 0 END,
                p->>'currency', p->>'mcc', p->>'merchant_name', p->>'merchant_category', p->>'merchant_city',
                p->>'merchant_country', p->>'merchant_network_id', '',
                (p->>'merchant_amount_minor')::bigint, coalesce(p->>'merchant_currency', ''),
                coalesce((p->>'cash_minor')::bigint, 0), coalesce((p->>'atm_fee_minor')::bigint, 0), v_now, v_now)
        ON CONFLICT (provider, issuer_authorization_id) DO UPDATE
            -- After a declined increment the earlier approval still stands.
            -- Of what stand-in approved, the issuer may have reported the end before this.
            SET status = CASE WHEN v_reason = '' AND NOT p ? 'stand_in' THEN 'approved' ELSE a.status END,
                approved_minor = CASE WHEN p ? 'stand_in' THEN greatest(a.approved_minor, excluded.approved_minor)
                                      ELSE a.approved_minor + excluded.approved_minor END,
                card_id = CASE WHEN p ? 'contradiction' THEN a.card_id ELSE coalesce(a.card_id, excluded.card_id) END,
                updated_at = v_now
            -- Another round has just written this row, maybe for another card: read and decide again.
            WHERE v_authorization.id IS NOT NULL
        RETURNING id INTO v_authorization_id;
    IF v_authorization_id IS NULL THEN
        RETURN QUERY SELECT 'stale', NULL::bytea;
        RETURN;
    END IF;

    -- 7. Count it in the windows, and hold and report what was approved without us.
    IF v_reason = '' AND v_amount > 0 OR v_unheld > 0 THEN
        UPDATE issuing_spendwindow
            SET spent_minor = spent_minor + v_unheld + CASE WHEN v_reason = '' THEN v_amount ELSE 0 END
            WHERE id IN (v_day.id, v_month.id);
    END IF;
    IF v_unheld > 0 THEN
        INSERT INTO issuing_hold (authorization_id, day_id, month_id, amount_minor, status, placed_at)
            VALUES (v_authorization_id, v_day.id, v_month.id, v_unheld, 'placed', v_now);
    END IF;
    IF v_without_us > 0 THEN
        UPDATE wallet_case SET amount_minor = amount_minor + v_without_us
            WHERE kind = 'approved_without_us' AND reference = 'authorization:' || v_authorization_id
                AND status = 'open';
        IF NOT FOUND THEN
            PERFORM issuing_open_case('approved_without_us', 'authorization:' || v_authorization_id,
                                      p->>'standing_summary', v_without_us, p->>'currency', v_now);
        END IF;
    END IF;
    IF p ? 'contradiction' THEN
        PERFORM issuing_open_case('event_contradiction', 'authorization:' || v_authorization_id,
                                  p->>'contradiction', v_amount, p->>'currency', v_now);
    END IF;

    -- 8. Take the card's own balance.
    IF v_reason = '' AND v_from_balance > 0 THEN
        UPDATE issuing_virtualcard SET balance_minor = balance_minor - v_from_balance WHERE id = v_card.id;
        INSERT INTO issuing_balanceuse AS u (authorization_id, card_id, amount_minor, created_at, updated_at)
            VALUES (v_authorization_id, v_card.id, v_from_balance, v_now, v_now)
            ON CONFLICT (authorization_id) DO UPDATE
                SET amount_minor = u.amount_minor + excluded.amount_minor, updated_at = v_now;
    END IF;
    -- 9. Write the journal: the answer, and all that follows from it.
    INSERT INTO issuing_journal
            (provider, event_id, event_type, fingerprint, authorization_id, card_id, round_key, approved, response,
             object_id, original_mac, public_id, amount_minor, from_balance_minor, currency, merchant_name, rule,
             decline_reason, policy, method_id, obligation_public_id, charge_public_id, idempotency_key, day_id,
             month_id, trace, timings_ms, body, decided_at)
        SELECT p->>'provider', p->>'event_id', p->>'event_type', p->>'fingerprint', v_authorization_id, v_card.id,
               p->>'round_key', v_reason = '', v_response, p->>'authorization_id', coalesce(f.original_mac, ''),
               f.public_id, v_amount, v_from_balance, f.currency, f.merchant_name, coalesce(f.rule, ''), v_reason,
               coalesce(f.policy, ''), f.method_id, f.obligation_public_id, f.charge_public_id,
               coalesce(f.idempotency_key, ''), v_day.id, v_month.id, p->'trace' || v_limit,
               p->'timings_ms' || jsonb_build_object('record', round((extract(epoch FROM
                   clock_timestamp() - statement_timestamp()) * 1000)::numeric, 3)),
               p_body, v_now
            FROM jsonb_to_record(p) AS f (
                original_mac text, public_id uuid, currency text, merchant_name text, rule text, policy text,
                method_id bigint, obligation_public_id uuid, charge_public_id uuid, idempotency_key text);
    -- Foreign keys are checked here, where the timeouts hold, and not in the commit, where nothing ends a wait.
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY SELECT 'recorded', v_response;
END $$;
-- Commits several decisions in one transaction: p_all holds what is looked at of each proposal, and the arrays its
-- answer if it is approved, its trace, what only the single function needs, and the request. Returns for each its place
-- in them, from 1. Ordinary approvals are written as a set: the first round of an unknown purchase, within the card's
-- limits. Each other proposal is left to issuing_record_decision, which knows every case. An error in one undoes them
-- all, and the caller then has each decided alone. Each row is found by an index, whatever the size of its table when
-- the plan was made, and planning anew would cost more than the plan.
CREATE OR REPLACE FUNCTION issuing_record_decisions(
    p_all jsonb, p_cards bigint[], p_answers bytea[], p_traces text[], p_alone text[], p_bodies bytea[])
RETURNS TABLE (place int, outcome text, response bytea) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_cards bigint;
    v_windows bigint;
    v_recorded int[];
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

    -- 3. Write the ordinary ones that find what they were made from, and room in both windows.
    WITH found AS (
        SELECT p.*, day.id AS day_id, month.id AS month_id,
               c.daily_limit_minor - day.spent_minor AS day_left_minor,
               c.monthly_limit_minor - month.spent_minor AS month_left_minor,
               sum(p.amount_minor) OVER (PARTITION BY p.card_id ORDER BY p.place) AS counted_minor
        FROM jsonb_to_recordset(p_all) AS p (
                place int, is_ordinary boolean, now timestamptz, provider text, event_id text, event_type text,
                authorization_id text, fingerprint text, round_key text, amount_minor bigint, card_id bigint,
                card_version bigint, wallet_version bigint, rulebook_version bigint, remaining_ms numeric,
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
                 month_id, trace, timings_ms, body, decided_at)
            SELECT provider, event_id, event_type, fingerprint, purchase_id, card_id, round_key, true,
                   p_answers[place], authorization_id, coalesce(original_mac, ''), public_id, amount_minor, 0, currency,
                   merchant_name, coalesce(rule, ''), '', coalesce(policy, ''), method_id, obligation_public_id,
                   charge_public_id, coalesce(idempotency_key, ''), day_id, month_id, p_traces[place]::jsonb,
                   timings_ms || jsonb_build_object('record', round((extract(epoch FROM
                       clock_timestamp() - statement_timestamp()) * 1000)::numeric, 3)),
                   p_bodies[place], now
            FROM approved
    )
    SELECT array_agg(place) INTO v_recorded FROM approved;
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY SELECT each, 'recorded', p_answers[each] FROM unnest(v_recorded) AS each;

    -- 4. The others, each alone; these see what was written above.
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
-- Writes what follows from these entries of the journal, and deletes them: the event, the decision, its hold, the
-- obligation with its charge, the message that asks for it, and the trail. Returns how many entries they were. One that
-- another transaction is writing is waited for, and then gone, so all of this happens once.
CREATE OR REPLACE FUNCTION issuing_write_decisions(p_ids bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_entries bigint;
    v_events bigint;
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
        INSERT INTO issuing_hold (decision_id, authorization_id, day_id, month_id, amount_minor, status, placed_at)
            SELECT decision_id, authorization_id, day_id, month_id, amount_minor, 'placed', decided_at
            FROM entry WHERE approved AND amount_minor > 0
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
           array_agg(stored_id) FILTER (WHERE stored_as <> event_id)
        INTO v_entries, v_events, v_substitutes FROM entry;
    IF v_events <> v_entries THEN
        RAISE EXCEPTION 'An event came under the id of a decision that is being written out. Write it out again.'
            USING ERRCODE = 'serialization_failure';
    END IF;

    IF v_substitutes IS NOT NULL THEN
        PERFORM issuing_open_case('event_contradiction', 'issuerevent:' || e.id, e.reason || ' It was decided.',
                                  d.amount_minor, d.currency, e.handled_at)
            FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id WHERE e.id = ANY(v_substitutes);
    END IF;
    RETURN v_entries;
END $$;
