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
    v_want record;
    v_counter issuing_velocitycounter;
    v_used bigint;
    v_counter_ids bigint[] := '{}';
    v_trailing_ids bigint[] := '{}';
    v_hits jsonb := '[]';
    v_passes bigint[] := ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(p->'passes'));
    v_purchases int := coalesce((p->>'purchase_count')::int, 1);
    v_headroom bigint := coalesce((p->>'headroom_minor')::bigint, 0);
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
       OR p ? 'controls_version' AND (SELECT version FROM issuing_controlbook) <> (p->>'controls_version')::bigint
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
            WHEN v_day.spent_minor + v_unheld + v_amount + v_headroom > v_card.daily_limit_minor THEN 'daily_limit_exceeded'
            WHEN v_month.spent_minor + v_unheld + v_amount + v_headroom > v_card.monthly_limit_minor THEN 'monthly_limit_exceeded'
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
    -- The counters of controls, in the order in which everybody locks them. A shadow version changes nothing.
    IF p ? 'velocity' AND (v_amount > 0 OR v_unheld > 0) THEN
        FOR v_want IN SELECT * FROM jsonb_to_recordset(p->'velocity') AS w (
                version bigint, subject bigint, measure text, most bigint, trailing_s int, action text,
                in_shadow boolean, reason text, pass_id bigint, bounds jsonb) ORDER BY version, subject LOOP
            v_counter := issuing_open_counter(v_want.version, v_want.subject, v_now, v_want.bounds);
            IF v_want.trailing_s > 0 THEN
                SELECT CASE v_want.measure WHEN 'amount' THEN coalesce(sum(amount_minor), 0)
                                           ELSE coalesce(sum(count), 0) END INTO v_used
                    FROM issuing_velocityentry WHERE counter_id = v_counter.id
                        AND counted_at > v_now - make_interval(secs => v_want.trailing_s);
            ELSE
                v_used := CASE v_want.measure WHEN 'amount' THEN v_counter.spent_minor ELSE v_counter.count END;
            END IF;
            v_used := v_used + CASE v_want.measure WHEN 'amount' THEN v_unheld ELSE (v_unheld > 0)::int END;
            -- An increment adds nothing to a count.
            IF v_reason = '' AND v_amount > 0 AND NOT p ? 'stand_in'
                    AND (v_want.measure = 'amount' AND v_used + v_amount + v_headroom > v_want.most
                         OR v_want.measure = 'count' AND v_purchases > 0 AND v_used + v_purchases > v_want.most) THEN
                IF v_want.in_shadow OR v_want.action = 'flag' AND v_want.pass_id = 0 THEN
                    v_hits := v_hits || jsonb_build_array(jsonb_build_array(
                        v_want.version, v_want.action, v_want.in_shadow, v_amount));
                    -- What it would have declined does not count in it.
                    CONTINUE WHEN v_want.action <> 'flag';
                ELSIF v_want.pass_id > 0 THEN
                    v_passes := v_passes || v_want.pass_id;
                ELSIF v_want.action = 'approve_in_part' AND p ? 'is_controllable' AND v_want.most > v_used
                        AND v_headroom = 0 THEN
                    v_amount := v_want.most - v_used;
                    v_from_balance := least(v_from_balance, v_amount);
                    v_hits := v_hits || jsonb_build_array(jsonb_build_array(
                        v_want.version, v_want.action, false, v_amount));
                ELSE
                    v_reason := v_want.reason;
                    v_limit := jsonb_build_object('control', jsonb_build_object('version', v_want.version,
                        'most', v_want.most, 'used', v_used, 'measure', v_want.measure,
                        'until', CASE WHEN v_want.trailing_s > 0 THEN NULL ELSE v_counter.ends_at END));
                    v_hits := (SELECT coalesce(jsonb_agg(hit), '[]') FROM jsonb_array_elements(v_hits) AS hit
                               WHERE hit->2 = 'true') || jsonb_build_array(jsonb_build_array(
                        v_want.version, 'decline', false, v_amount));
                END IF;
            END IF;
            v_counter_ids := v_counter_ids || v_counter.id;
            IF v_want.trailing_s > 0 THEN
                v_trailing_ids := v_trailing_ids || v_counter.id;
            END IF;
        END LOOP;
    END IF;
    -- A new version may have taken over these counters while they were waited for (issuing/controls/life.py).
    IF v_counter_ids <> '{}' AND (
            p ? 'controls_version' AND (SELECT version FROM issuing_controlbook) <> (p->>'controls_version')::bigint
            OR (SELECT wallet_version FROM wallet_cardholder WHERE id = v_card.cardholder_id)
                IS DISTINCT FROM (p->>'wallet_version')::bigint) THEN
        RETURN QUERY SELECT 'stale', NULL::bytea;
        RETURN;
    END IF;
    IF v_reason = '' AND NOT p ? 'stand_in'
                     AND extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000
                         > (p->>'remaining_ms')::numeric THEN
        v_reason := 'deadline_exceeded';
    END IF;
    -- What is declined is declined as a whole, also where a part was proposed.
    IF v_reason <> '' THEN
        v_amount := coalesce((p->>'asked_minor')::bigint, (p->>'amount_minor')::bigint);
    END IF;
    -- A pass lets one purchase through, once, whatever else happens to it.
    IF v_reason = '' AND v_passes <> '{}' THEN
        PERFORM 1 FROM issuing_controlpass WHERE id = ANY(v_passes) AND used_at IS NULL AND until > v_now FOR UPDATE;
        GET DIAGNOSTICS v_used = ROW_COUNT;
        IF v_used < cardinality(v_passes) THEN
            RETURN QUERY SELECT 'stale', NULL::bytea;
            RETURN;
        END IF;
        UPDATE issuing_controlpass SET used_at = v_now, used_by = (p->>'public_id')::uuid WHERE id = ANY(v_passes);
    END IF;
    -- Of a part, the answer says how much it is.
    v_response := convert_to(CASE WHEN v_reason = '' AND v_amount < (p->>'amount_minor')::bigint
                                  THEN replace(p->'responses'->>'part', '"@part"', v_amount::text)
                                  ELSE p->'responses'->>v_reason END, 'UTF8');

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
            SET spent_minor = spent_minor + v_unheld + CASE WHEN v_reason = '' THEN v_amount + v_headroom ELSE 0 END
            WHERE id IN (v_day.id, v_month.id);
        IF v_counter_ids <> '{}' THEN
            UPDATE issuing_velocitycounter
                SET spent_minor = spent_minor + v_unheld
                        + CASE WHEN v_reason = '' THEN v_amount + v_headroom ELSE 0 END,
                    count = count + (v_unheld > 0)::int
                        + CASE WHEN v_reason = '' AND v_amount > 0 THEN v_purchases ELSE 0 END
                WHERE id = ANY(v_counter_ids);
            INSERT INTO issuing_velocityentry (counter_id, authorization_id, counted_at, amount_minor, count)
                SELECT id, v_authorization_id, v_now,
                       v_unheld + CASE WHEN v_reason = '' THEN v_amount + v_headroom ELSE 0 END,
                       (v_unheld > 0)::int + CASE WHEN v_reason = '' AND v_amount > 0 THEN v_purchases ELSE 0 END
                    FROM unnest(v_trailing_ids) AS id;
        END IF;
    END IF;
    IF v_unheld > 0 THEN
        INSERT INTO issuing_hold
                (authorization_id, day_id, month_id, counter_ids, purchase_count, amount_minor, status, placed_at)
            VALUES (v_authorization_id, v_day.id, v_month.id, v_counter_ids, 1, v_unheld, 'placed', v_now);
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
             month_id, counter_ids, purchase_count, headroom_minor, trace, timings_ms, body, decided_at)
        SELECT p->>'provider', p->>'event_id', p->>'event_type', p->>'fingerprint', v_authorization_id, v_card.id,
               p->>'round_key', v_reason = '', v_response, p->>'authorization_id', coalesce(f.original_mac, ''),
               f.public_id, v_amount, v_from_balance, f.currency, f.merchant_name, coalesce(f.rule, ''), v_reason,
               coalesce(f.policy, ''), f.method_id, f.obligation_public_id, f.charge_public_id,
               coalesce(f.idempotency_key, ''), v_day.id, v_month.id, v_counter_ids, v_purchases,
               CASE WHEN v_reason = '' AND v_amount > 0 THEN v_headroom ELSE 0 END,
               p->'trace' || v_limit || CASE WHEN v_hits = '[]' THEN '{}' ELSE jsonb_build_object('control_hits',
                   coalesce(p->'trace'->'control_hits', '[]') || v_hits) END,
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
-- the plan was made, and planning anew would cost more than the plan. The counters of controls come as arrays, with one
-- element for each counter of each proposal, by version and subject: the place of its proposal, what it may reach (-1
-- for no such limit), and the seconds of a trailing window, or 0. p_counters is how many different ones they are.
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

    -- 3. Lock the counters of controls, in the order in which everybody locks them; open the missing ones before that.
    -- Then see which proposals would reach too far, counting all of this set: those are left to the single function.
    IF p_counters > 0 THEN
        SELECT array_agg(p.now ORDER BY p.place), array_agg(p.amount_minor ORDER BY p.place) INTO v_nows, v_amounts
            FROM jsonb_to_recordset(p_all) AS p (place int, now timestamptz, amount_minor bigint);
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
        PERFORM 1 FROM issuing_velocitycounter WHERE id = ANY(v_ids) ORDER BY version_id, subject_id FOR NO KEY UPDATE;
        WITH wanted AS (
            SELECT w.place::int AS place, c.id, most_minor, most_count, v_amounts[w.place] AS amount_minor,
                   CASE WHEN trailing_s > 0 THEN recent.spent_minor ELSE c.spent_minor END AS spent_minor,
                   CASE WHEN trailing_s > 0 THEN recent.count ELSE c.count END AS count
            FROM unnest(p_places, p_most_minor, p_most_count, p_trailing_s) WITH ORDINALITY
                    AS w (place, most_minor, most_count, trailing_s, n)
                LEFT JOIN issuing_velocitycounter c ON c.id = v_ids[w.n]
                LEFT JOIN LATERAL (SELECT coalesce(sum(e.amount_minor), 0) AS spent_minor,
                                          coalesce(sum(e.count), 0) AS count
                    FROM issuing_velocityentry e WHERE trailing_s > 0 AND e.counter_id = c.id
                        AND e.counted_at > v_nows[w.place] - make_interval(secs => trailing_s)) recent ON true
        ), reached AS (
            SELECT place, id, id IS NULL
                    OR most_minor >= 0
                        AND spent_minor + sum(amount_minor) OVER (PARTITION BY id ORDER BY place) > most_minor
                    OR most_count >= 0 AND count + count(*) OVER (PARTITION BY id ORDER BY place) > most_count
                AS is_over
            FROM wanted
        ), by_place AS (
            SELECT place, bool_or(is_over) AS is_over, array_agg(id) FILTER (WHERE id IS NOT NULL) AS ids
            FROM reached GROUP BY place
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

    -- 5. Count them.
    IF p_counters > 0 AND v_recorded IS NOT NULL THEN
        UPDATE issuing_velocitycounter c
            SET spent_minor = c.spent_minor + more.amount_minor, count = c.count + more.count
            FROM (SELECT counter_id, sum(v_amounts[each]) AS amount_minor, count(*) AS count
                  FROM unnest(v_recorded) AS each, unnest(v_counted[each]::bigint[]) AS counter_id
                  GROUP BY counter_id) more
            WHERE c.id = more.counter_id;
        INSERT INTO issuing_velocityentry (counter_id, authorization_id, counted_at, amount_minor, count)
            SELECT v_ids[w.n], v_purchases[array_position(v_recorded, w.place::int)], v_nows[w.place],
                   v_amounts[w.place], 1
            FROM unnest(p_places, p_trailing_s) WITH ORDINALITY AS w (place, trailing_s, n)
            WHERE w.trailing_s > 0 AND w.place::int = ANY(v_recorded);
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
               coalesce((d.trace->'place'->>'merchant')::int, ('x' || left(md5(coalesce(nullif(
                   a.merchant_network_id, ''), upper(a.merchant_name))), 8))::bit(32)::int) AS merchant,
               coalesce(d.trace->'place'->>'country', a.merchant_country) AS country,
               coalesce(d.trace->>'mcc', a.mcc) AS mcc,
               CASE WHEN (d.trace->'place'->>'is_present')::boolean THEN d.trace->'place' END AS present
        FROM issuing_decision d JOIN issuing_authorization a ON a.id = d.authorization_id
            JOIN issuing_virtualcard c ON c.id = a.card_id
        WHERE d.id = ANY(p_decisions) AND d.corrects_id IS NULL AND d.trace ? 'card_version'
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
