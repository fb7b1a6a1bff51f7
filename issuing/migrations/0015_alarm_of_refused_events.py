"""A refused question tells administrators when its case is opened, and is kept beside another one of its id."""

from importlib import import_module

from django.db import migrations

FUNCTIONS = """
DROP FUNCTION issuing_open_case(text, text, text, bigint, text, timestamptz);
-- The same as wallet.cases.open_case; gives the case's key if it is new.
CREATE FUNCTION issuing_open_case(
    p_kind text, p_reference text, p_summary text, p_amount bigint, p_currency text, p_now timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
BEGIN
    INSERT INTO wallet_case (kind, status, reference, summary, amount_minor, currency, opened_at)
        VALUES (p_kind, 'open', p_reference, left(p_summary, 300), p_amount, p_currency, p_now)
        ON CONFLICT (kind, reference) WHERE status = 'open' DO NOTHING
        RETURNING id INTO v_id;
    IF v_id IS NOT NULL THEN
        INSERT INTO audit_entry (recorded_at, actor, action, subject_type, subject_id, details)
            VALUES (p_now, 'system:cases', 'case.opened', 'case', v_id::text,
                    jsonb_build_object('kind', p_kind, 'reference', p_reference));
    END IF;
    RETURN v_id;
END $$;

-- Keeps a question that is not decided, with its reason, and opens a case the first time that it comes.
CREATE OR REPLACE FUNCTION issuing_refuse_event(p jsonb, p_body bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
    v_case_id bigint;
    v_now timestamptz := (p->>'now')::timestamptz;
    v_event_id text := p->>'event_id';
BEGIN
    IF EXISTS (SELECT FROM issuing_issuerevent WHERE provider = p->>'provider' AND event_id = v_event_id
               AND fingerprint <> p->>'fingerprint') THEN
        -- Its id belongs to another event (issuing.fingerprints.other_id).
        v_event_id := 'sha256:' || encode(
            sha256(convert_to(v_event_id || ':' || (p->>'fingerprint'), 'UTF8')), 'hex');
    END IF;
    INSERT INTO issuing_issuerevent
            (provider, event_id, event_type, object_id, body, fingerprint, received_at, status, reason, handled_at)
        VALUES (p->>'provider', v_event_id, p->>'event_type', p->>'authorization_id', p_body,
                p->>'fingerprint', v_now, 'kept', left(p->>'refused_because', 300), v_now)
        ON CONFLICT (provider, event_id) DO NOTHING
        RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        RETURN;
    END IF;
    v_case_id := issuing_open_case('event_contradiction', coalesce(p->>'reference', 'issuerevent:' || v_id),
                                   p->>'refused_because', (p->>'amount_minor')::bigint, p->>'currency', v_now);
    IF v_case_id IS NOT NULL AND p ? 'alarm' THEN
        INSERT INTO outbox_message (topic, payload, created_at, attempts)
            VALUES ('events.refused', jsonb_build_object('case_id', v_case_id), v_now, 0);
    END IF;
END $$;
"""
_before = import_module("issuing.migrations.0014_contradicting_questions")
BEFORE = f"{_before.BEFORE_DROPS}{_before.OPEN_CASE}{_before.REFUSE}"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0014_contradicting_questions"), ("outbox", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS, BEFORE)]
