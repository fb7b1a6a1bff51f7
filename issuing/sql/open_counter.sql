-- Locks and returns the counter of a control's version and subject that is open at p_now; opens one if there is none.
-- p_window is of the subject's time zone (issuing/controls/velocity.py): starts_at and ends_at of the calendar's window,
-- longer_ends_at, the end of the window after it, and overlap_s, as in issuing_open_window. A version that counts what
-- an earlier one counted goes on from that one's open counter, so a new limit is no fresh limit.
CREATE OR REPLACE FUNCTION issuing_open_counter(p_version bigint, p_subject bigint, p_now timestamptz, p_window jsonb)
RETURNS issuing_velocitycounter LANGUAGE plpgsql AS $$
DECLARE
    v_counter issuing_velocitycounter;
    v_last_end timestamptz;
    v_start timestamptz;
    v_end timestamptz;
    v_before issuing_velocitycounter;
BEGIN
    LOOP
        -- A window keeps the end that it was opened with: a move to another time zone neither resets nor splits it.
        SELECT * INTO v_counter FROM issuing_velocitycounter
            WHERE version_id = p_version AND subject_id = p_subject AND starts_at <= p_now AND ends_at > p_now
            ORDER BY starts_at DESC LIMIT 1 FOR NO KEY UPDATE;
        IF FOUND THEN
            RETURN v_counter;
        END IF;
        v_start := (p_window->>'starts_at')::timestamptz;
        v_end := (p_window->>'ends_at')::timestamptz;
        SELECT ends_at INTO v_last_end FROM issuing_velocitycounter
            WHERE version_id = p_version AND subject_id = p_subject AND ends_at <= p_now
            ORDER BY starts_at DESC LIMIT 1;
        IF v_last_end > v_end - make_interval(secs => (p_window->>'overlap_s')::int) THEN
            v_end := (p_window->>'longer_ends_at')::timestamptz;
        END IF;
        INSERT INTO issuing_velocitycounter (version_id, subject_id, starts_at, ends_at, spent_minor, count)
            VALUES (p_version, p_subject, greatest(v_start, v_last_end), v_end, 0, 0)
            ON CONFLICT DO NOTHING RETURNING * INTO v_counter;
        IF FOUND THEN
            SELECT * INTO v_before FROM issuing_velocitycounter
                WHERE version_id = (SELECT continues_id FROM issuing_controlversion WHERE id = p_version)
                    AND subject_id = p_subject AND starts_at <= p_now AND ends_at > p_now
                ORDER BY starts_at DESC LIMIT 1 FOR NO KEY UPDATE;
            IF FOUND THEN
                UPDATE issuing_velocitycounter SET spent_minor = v_before.spent_minor, count = v_before.count
                    WHERE id = v_counter.id RETURNING * INTO v_counter;
                INSERT INTO issuing_velocityentry (counter_id, authorization_id, counted_at, amount_minor, count)
                    SELECT v_counter.id, authorization_id, counted_at, amount_minor, count
                        FROM issuing_velocityentry WHERE counter_id = v_before.id;
            END IF;
            RETURN v_counter;
        END IF;
        -- Somebody else has opened it: now it is found.
    END LOOP;
END $$;
