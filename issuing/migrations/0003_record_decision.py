"""The statement that commits a decision: one call, one round trip, everything that belongs to the answer.

Called by issuing/authorizations/decision_store.py, which names the parts of the proposal. What Python chose is a
proposal; this function locks, looks again and then writes. It answers with one of:
    recorded   the decision is written; `response` is what to answer (the limits may have turned it into a decline)
    duplicate  the event was answered before; `response` is that answer
    twin       another event asked the very same round; `response` is that round's answer, the event is kept
    stale      the card, the wallet or the authorization changed since the proposal was made: read again, decide again
"""

from django.db import migrations

OPEN_WINDOW = """
CREATE FUNCTION issuing_open_window(p_card bigint, p_kind text, p_now timestamptz, p_window jsonb)
RETURNS issuing_spendwindow LANGUAGE plpgsql AS $$
DECLARE
    v_window issuing_spendwindow;
    v_last_end timestamptz;
    v_start timestamptz := (p_window->>'starts_at')::timestamptz;
    v_end timestamptz := (p_window->>'ends_at')::timestamptz;
BEGIN
    -- A window keeps the end it was opened with: moving to another time zone neither resets nor splits it.
    SELECT * INTO v_window FROM issuing_spendwindow
        WHERE card_id = p_card AND kind = p_kind AND starts_at <= p_now AND ends_at > p_now
        ORDER BY starts_at DESC LIMIT 1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        SELECT max(ends_at) INTO v_last_end FROM issuing_spendwindow
            WHERE card_id = p_card AND kind = p_kind AND ends_at <= p_now;
        -- Cut to a stump by the window before it, so the zone has changed: it lasts to the end after the next, or
        -- whoever moves every hour would get a fresh limit every hour. One honest move keeps its own midnight.
        IF v_last_end > v_end - (CASE p_kind WHEN 'day' THEN interval '12 hours' ELSE interval '14 days' END) THEN
            v_end := v_end + CASE p_kind WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END;
        END IF;
        INSERT INTO issuing_spendwindow (card_id, kind, starts_at, ends_at, spent_minor)
            VALUES (p_card, p_kind, greatest(v_start, v_last_end), v_end, 0)
            RETURNING * INTO v_window;
    END IF;
    RETURN v_window;
END $$;
"""

RECORD = """
CREATE FUNCTION issuing_record_decision(p jsonb, p_body bytea) RETURNS TABLE (outcome text, response bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := (p->>'now')::timestamptz;
    v_amount bigint := (p->>'amount_minor')::bigint;
    v_reason text := p->>'decline_reason';
    v_card issuing_virtualcard;
    v_holder_version bigint;
    v_authorization issuing_authorization;
    v_day issuing_spendwindow;
    v_month issuing_spendwindow;
    v_response bytea;
    v_event_id bigint;
    v_authorization_id bigint;
    v_obligation_id bigint;
    v_charge_id bigint;
    v_decision_id bigint;
BEGIN
    -- Lock first, look afterwards: each statement below sees what was committed before the lock was given.
    SELECT * INTO v_card FROM issuing_virtualcard WHERE id = (p->>'card_id')::bigint FOR NO KEY UPDATE;

    SELECT d.response INTO v_response
        FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id
        WHERE e.provider = p->>'provider' AND e.event_id = p->>'event_id' ORDER BY d.id DESC LIMIT 1;
    IF FOUND THEN
        RETURN QUERY SELECT 'duplicate', v_response;
        RETURN;
    END IF;

    SELECT * INTO v_authorization FROM issuing_authorization
        WHERE provider = p->>'provider' AND issuer_authorization_id = p->>'authorization_id' FOR NO KEY UPDATE;
    SELECT d.response INTO v_response FROM issuing_decision d
        WHERE d.authorization_id = v_authorization.id AND d.round_key = p->>'round_key' ORDER BY d.id DESC LIMIT 1;
    IF FOUND THEN
        INSERT INTO issuing_issuerevent
                (provider, event_id, event_type, object_id, body, received_at, status, reason, handled_at)
            VALUES (p->>'provider', p->>'event_id', p->>'event_type', p->>'authorization_id', p_body, v_now,
                    'handled', 'A second event for a round that was answered already.', v_now)
            ON CONFLICT (provider, event_id) DO NOTHING;
        RETURN QUERY SELECT 'twin', v_response;
        RETURN;
    END IF;

    SELECT wallet_version INTO v_holder_version FROM wallet_cardholder WHERE id = v_card.cardholder_id;
    IF v_card.version IS DISTINCT FROM (p->>'card_version')::bigint
       OR v_holder_version IS DISTINCT FROM (p->>'wallet_version')::bigint
       OR coalesce(v_authorization.approved_minor, 0) <> (p->>'approved_before_minor')::bigint
       OR coalesce(v_authorization.status, '') <> p->>'status_before' THEN
        RETURN QUERY SELECT 'stale', NULL::bytea;
        RETURN;
    END IF;

    IF v_reason = '' AND v_amount > 0 THEN
        v_day := issuing_open_window(v_card.id, 'day', v_now, p->'day');
        v_month := issuing_open_window(v_card.id, 'month', v_now, p->'month');
        v_reason := CASE WHEN v_day.spent_minor + v_amount > v_card.daily_limit_minor THEN 'daily_limit_exceeded'
                         WHEN v_month.spent_minor + v_amount > v_card.monthly_limit_minor THEN 'monthly_limit_exceeded'
                         ELSE '' END;
    END IF;
    IF v_reason = '' AND extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000
                         > (p->>'remaining_ms')::numeric THEN
        v_reason := 'deadline_exceeded';
    END IF;
    v_response := convert_to(p->'responses'->>v_reason, 'UTF8');

    -- The same event may lie here as rejected, from before a repair of ours.
    INSERT INTO issuing_issuerevent
            (provider, event_id, event_type, object_id, body, received_at, status, reason, handled_at)
        VALUES (p->>'provider', p->>'event_id', p->>'event_type', p->>'authorization_id', p_body, v_now,
                'handled', '', v_now)
        ON CONFLICT (provider, event_id) DO UPDATE SET status = 'handled', reason = '', handled_at = v_now
        RETURNING id INTO v_event_id;

    INSERT INTO issuing_authorization AS a
            (provider, issuer_authorization_id, card_id, status, approved_minor, currency, mcc, merchant_name,
             merchant_category, merchant_city, merchant_country, merchant_network_id, authorization_code,
             created_at, updated_at)
        VALUES (p->>'provider', p->>'authorization_id', v_card.id,
                CASE WHEN v_reason = '' THEN 'approved' ELSE 'declined' END,
                CASE WHEN v_reason = '' THEN v_amount ELSE 0 END,
                p->>'currency', p->>'mcc', p->>'merchant_name', p->>'merchant_category', p->>'merchant_city',
                p->>'merchant_country', p->>'merchant_network_id', '', v_now, v_now)
        ON CONFLICT (provider, issuer_authorization_id) DO UPDATE
            -- A declined increment leaves the earlier approval standing.
            SET status = CASE WHEN v_reason = '' THEN 'approved' ELSE a.status END,
                approved_minor = a.approved_minor + excluded.approved_minor,
                card_id = coalesce(a.card_id, excluded.card_id),
                updated_at = v_now
        RETURNING id INTO v_authorization_id;

    IF v_reason = '' AND v_amount > 0 THEN
        UPDATE issuing_spendwindow SET spent_minor = spent_minor + v_amount WHERE id IN (v_day.id, v_month.id);
        INSERT INTO wallet_fundingobligation
                (public_id, cardholder_id, reference, description, amount_minor, currency, status, created_at,
                 updated_at)
            VALUES ((p->>'obligation_public_id')::uuid, v_card.cardholder_id, 'decision:' || (p->>'public_id'),
                    p->>'merchant_name', v_amount, p->>'currency', 'open', v_now, v_now)
            RETURNING id INTO v_obligation_id;
        INSERT INTO wallet_fundingcharge
                (public_id, obligation_id, method_id, sequence, status, idempotency_key, failure_code, failure_message,
                 attempts, next_attempt_at, created_at, updated_at)
            VALUES ((p->>'charge_public_id')::uuid, v_obligation_id, (p->>'method_id')::bigint, 1, 'intended',
                    p->>'idempotency_key', '', '', 0, v_now, v_now, v_now)
            RETURNING id INTO v_charge_id;
        INSERT INTO outbox_message (topic, payload, created_at, attempts)
            VALUES ('funding.requested', jsonb_build_object('charge_id', v_charge_id), v_now, 0);
    END IF;

    INSERT INTO issuing_decision
            (public_id, event_id, authorization_id, obligation_id, round_key, approved, amount_minor, currency, rule,
             decline_reason, trace, timings_ms, response, decided_at)
        VALUES ((p->>'public_id')::uuid, v_event_id, v_authorization_id, v_obligation_id, p->>'round_key',
                v_reason = '', v_amount, p->>'currency', CASE WHEN v_reason = '' THEN p->>'rule' ELSE '' END,
                v_reason, p->'trace',
                p->'timings_ms' || jsonb_build_object('record', round((extract(epoch FROM
                    clock_timestamp() - statement_timestamp()) * 1000)::numeric, 3)),
                v_response, v_now)
        RETURNING id INTO v_decision_id;

    IF v_obligation_id IS NOT NULL THEN
        INSERT INTO issuing_hold (decision_id, authorization_id, day_id, month_id, amount_minor, status, placed_at)
            VALUES (v_decision_id, v_authorization_id, v_day.id, v_month.id, v_amount, 'placed', v_now);
    END IF;

    INSERT INTO audit_entry (recorded_at, actor, action, subject_type, subject_id, details)
        VALUES (v_now, 'issuer:' || (p->>'provider'),
                CASE WHEN v_reason = '' THEN 'authorization.approved' ELSE 'authorization.declined' END,
                'authorization', v_authorization_id::text,
                jsonb_build_object('decision', p->>'public_id', 'amount_minor', v_amount, 'currency', p->>'currency',
                                   'reason', v_reason, 'method_id', (p->>'method_id')::bigint));
    -- References are checked here, where the timeouts hold, and not in the commit, where nothing ends a wait.
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY SELECT 'recorded', v_response;
END $$;
"""

DROP = "DROP FUNCTION issuing_record_decision(jsonb, bytea);"
DROP_WINDOW = "DROP FUNCTION issuing_open_window(bigint, text, timestamptz, jsonb);"


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0002_evidence"),
        ("wallet", "0002_wallet_version"),
        ("routing", "0002_rulebook_version"),
        ("outbox", "0001_initial"),
    ]
    operations = [migrations.RunSQL(OPEN_WINDOW, DROP_WINDOW), migrations.RunSQL(RECORD, DROP)]
