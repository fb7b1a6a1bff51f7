-- Keeps a question that is not decided, with its reason, and opens a case the first time that it comes.
-- p is the proposal of issuing_record_decision with `refused_because`. `reference` names the subject of the case, and
-- `alarm` asks for a message to administrators; both may be missing.
CREATE OR REPLACE FUNCTION issuing_refuse_event(p jsonb, p_body bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
    v_case_id bigint;
    v_now timestamptz := (p->>'now')::timestamptz;
    v_event_id text := p->>'event_id';
BEGIN
    IF EXISTS (SELECT FROM issuing_issuerevent WHERE provider = p->>'provider' AND event_id = v_event_id
               AND fingerprint <> p->>'fingerprint') THEN
        -- The id belongs to another event. Its substitute is that of issuing.issuers.fingerprints.other_id.
        v_event_id := 'sha256:' || encode(
            sha256(convert_to(v_event_id || ':' || (p->>'fingerprint'), 'UTF8')), 'hex');
    END IF;
    INSERT INTO issuing_issuerevent
            (provider, event_id, event_type, object_id, original_mac, fingerprint, received_at, status, reason,
             handled_at)
        VALUES (p->>'provider', v_event_id, p->>'event_type', p->>'authorization_id', coalesce(p->>'original_mac', ''),
                p->>'fingerprint', v_now, 'kept', left(p->>'refused_because', 300), v_now)
        ON CONFLICT (provider, event_id) DO NOTHING
        RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO issuing_eventbody (event_id, received_at, body) VALUES (v_id, v_now, p_body);
    v_case_id := issuing_open_case('event_contradiction', coalesce(p->>'reference', 'issuerevent:' || v_id),
                                   p->>'refused_because', (p->>'amount_minor')::bigint, p->>'currency', v_now);
    IF v_case_id IS NOT NULL AND p ? 'alarm' THEN
        INSERT INTO outbox_message (topic, payload, created_at, attempts)
            VALUES ('events.refused', jsonb_build_object('case_id', v_case_id), v_now, 0);
    END IF;
END $$;
