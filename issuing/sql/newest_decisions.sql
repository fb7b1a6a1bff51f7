-- Joins a card's newest decisions, which stand newest first, with more of them in any order, and keeps what
-- issuing/history/bounds.py says. Each is [milliseconds since 1970, minor units, merchant, 1 for approved, its key].
CREATE OR REPLACE FUNCTION issuing_newest_decisions(p_known jsonb, p_more jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_at_ms bigint := p_more->0->>0;
    v_last int := jsonb_array_length(p_known);
BEGIN
    -- The usual case is one more that came after the others: it goes before them, and the oldest ones may fall out.
    IF jsonb_array_length(p_more) = 1 AND (v_last = 0 OR (p_known->0->>0)::bigint < v_at_ms) THEN
        WHILE v_last >= 10
                AND (v_last >= 100 OR (p_known->(v_last - 1)->>0)::bigint <= v_at_ms - 86400000) LOOP
            v_last := v_last - 1;
            p_known := p_known - v_last;
        END LOOP;
        RETURN p_more || p_known;
    END IF;
    RETURN (SELECT jsonb_agg(entry ORDER BY at_ms DESC, id DESC) FROM (
        SELECT *, row_number() OVER (ORDER BY at_ms DESC, id DESC) AS place, max(at_ms) OVER () AS newest_ms
            FROM (SELECT entry, (entry->>0)::bigint AS at_ms, (entry->>4)::bigint AS id
                FROM jsonb_array_elements(p_known || p_more) AS entry) each) ranked
        WHERE place <= 10 OR place <= 100 AND at_ms > newest_ms - 86400000);
END $$;
