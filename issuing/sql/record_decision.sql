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
