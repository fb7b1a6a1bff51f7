-- Joins two maps from a name to the day it was seen last, and keeps the newest names. The order in which days are joined
-- changes nothing: of each name the latest day counts, and of one day the name that sorts first. In PL/pgSQL, which
-- keeps the plan for the session: in SQL it would be planned anew for each column of each statement that calls it.
CREATE OR REPLACE FUNCTION issuing_newest_seen(p_known jsonb, p_more jsonb, p_most int) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p_more IS NULL OR p_known @> p_more THEN
        RETURN p_known;
    END IF;
    RETURN (SELECT coalesce(jsonb_object_agg(name, day), '{}') FROM (
        SELECT key AS name, max(value::text::int) AS day
            FROM (SELECT * FROM jsonb_each(p_known) UNION ALL SELECT * FROM jsonb_each(p_more)) seen
            GROUP BY key ORDER BY day DESC, key COLLATE "C" LIMIT p_most) newest);
END $$;
