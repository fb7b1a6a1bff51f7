-- Locks and returns the spend window of a card that is open at p_now; opens one if there is none (money-safety I16).
-- p_kind is 'day' or 'month'. p_window is of the cardholder's time zone (issuing/limits/windows.py): starts_at and
-- ends_at of the calendar's window, and longer_ends_at, the end of the window after it.
CREATE OR REPLACE FUNCTION issuing_open_window(p_card bigint, p_kind text, p_now timestamptz, p_window jsonb)
RETURNS issuing_spendwindow LANGUAGE plpgsql AS $$
DECLARE
    v_window issuing_spendwindow;
    v_last_end timestamptz;
    v_start timestamptz := (p_window->>'starts_at')::timestamptz;
    v_end timestamptz := (p_window->>'ends_at')::timestamptz;
BEGIN
    -- A window keeps the end that it was opened with: a move to another time zone neither resets nor splits it.
    SELECT * INTO v_window FROM issuing_spendwindow
        WHERE card_id = p_card AND kind = p_kind AND starts_at <= p_now AND ends_at > p_now
            -- None is longer than two months, so the card's older ones need not be read.
            AND starts_at > p_now - interval '70 days'
        ORDER BY starts_at DESC LIMIT 1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        SELECT ends_at INTO v_last_end FROM issuing_spendwindow
            WHERE card_id = p_card AND kind = p_kind AND ends_at <= p_now ORDER BY starts_at DESC LIMIT 1;
        -- The window before it reaches far into this one, so the time zone has changed. This one then lasts one day
        -- or month longer: whoever changed the zone every hour would get a fresh limit every hour otherwise.
        -- After one honest move it still ends at a midnight of the new zone.
        IF v_last_end > v_end - (CASE p_kind WHEN 'day' THEN interval '12 hours' ELSE interval '14 days' END) THEN
            -- A process of an earlier release sends no longer_ends_at: its window has the time in UTC.
            v_end := coalesce((p_window->>'longer_ends_at')::timestamptz,
                              v_end + CASE p_kind WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END);
        END IF;
        INSERT INTO issuing_spendwindow (card_id, kind, starts_at, ends_at, spent_minor)
            VALUES (p_card, p_kind, greatest(v_start, v_last_end), v_end, 0)
            RETURNING * INTO v_window;
    END IF;
    RETURN v_window;
END $$;
