-- Adds decisions to the history of their cards, in the order of the cards, so that two writers wait for each other and
-- never in a circle. The arrays have one element for each decision: its key, its purchase, and what it says; its place
-- is null where the purchase says the same. Everything that is kept is a sum, a maximum or the newest of a kind, so the
-- order of the decisions changes nothing. Amounts count in the card's own currency. issuing/history/bounds.py names the
-- bounds.
CREATE OR REPLACE FUNCTION issuing_add_to_history(
    p_ids bigint[], p_purchases bigint[], p_approved boolean[], p_amounts bigint[], p_currencies text[],
    p_times timestamptz[], p_places jsonb[], p_mccs text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH told AS (
        SELECT a.card_id, d.id, d.approved, d.amount_minor,
               (extract(epoch FROM d.decided_at) * 1000)::bigint AS at_ms,
               floor(extract(epoch FROM d.decided_at) / 86400)::int AS day,
               d.approved AND d.amount_minor > 0 AS is_seen,
               d.approved AND d.amount_minor > 0 AND d.currency = c.currency AS is_counted,
               coalesce((d.place->>'merchant')::int, ('x' || left(md5(coalesce(nullif(
                   a.merchant_network_id, ''), upper(a.merchant_name))), 8))::bit(32)::int)::text AS merchant,
               coalesce(d.place->>'country', a.merchant_country) AS country,
               coalesce(d.mcc, a.mcc) AS mcc,
               CASE WHEN (d.place->>'is_present')::boolean THEN d.place END AS present
        FROM unnest(p_ids, p_purchases, p_approved, p_amounts, p_currencies, p_times, p_places, p_mccs)
                AS d (id, purchase_id, approved, amount_minor, currency, decided_at, place, mcc)
            JOIN issuing_authorization a ON a.id = d.purchase_id
            JOIN issuing_virtualcard c ON c.id = a.card_id
        -- In this order the later day of a name is the one that counts, and the last presence the newest.
        ORDER BY a.card_id, at_ms, d.id
    ), more AS (
        SELECT card_id, count(*) AS decisions, count(*) FILTER (WHERE is_counted) AS approvals,
               coalesce(sum(amount_minor) FILTER (WHERE is_counted), 0) AS approved_minor,
               coalesce(sum(amount_minor::numeric * amount_minor) FILTER (WHERE is_counted), 0) AS squares,
               jsonb_agg(jsonb_build_array(at_ms, amount_minor, merchant::int, approved::int, id)) AS recent,
               coalesce(jsonb_object_agg(merchant, day) FILTER (WHERE is_seen), '{}') AS merchants,
               coalesce(jsonb_object_agg(country, day) FILTER (WHERE is_seen AND country <> ''), '{}') AS countries,
               coalesce(jsonb_object_agg(mcc, day) FILTER (WHERE is_seen AND mcc <> ''), '{}') AS mccs,
               array_agg(jsonb_build_array(at_ms, present->>'country', present->>'city', present->>'postal_code', id))
                   FILTER (WHERE is_seen AND present IS NOT NULL) AS presences
        FROM told GROUP BY card_id
    )
    INSERT INTO issuing_cardhistory AS h
            (card_id, approvals, approved_minor, squares, recent, merchants, countries, mccs, last_present)
        SELECT card_id, approvals, approved_minor, squares,
               CASE WHEN decisions = 1 THEN recent ELSE issuing_newest_decisions('[]', recent) END,
               CASE WHEN decisions <= 64 THEN merchants ELSE issuing_newest_seen('{}', merchants, 256) END,
               CASE WHEN decisions <= 64 THEN countries ELSE issuing_newest_seen('{}', countries, 64) END,
               CASE WHEN decisions <= 64 THEN mccs ELSE issuing_newest_seen('{}', mccs, 128) END,
               presences[cardinality(presences)]
        FROM more ORDER BY card_id
        ON CONFLICT (card_id) DO UPDATE
            SET approvals = h.approvals + excluded.approvals,
                approved_minor = h.approved_minor + excluded.approved_minor,
                squares = h.squares + excluded.squares,
                recent = issuing_newest_decisions(h.recent, excluded.recent),
                merchants = CASE WHEN h.merchants @> excluded.merchants THEN h.merchants
                    ELSE issuing_newest_seen(h.merchants, excluded.merchants, 256) END,
                countries = CASE WHEN h.countries @> excluded.countries THEN h.countries
                    ELSE issuing_newest_seen(h.countries, excluded.countries, 64) END,
                mccs = CASE WHEN h.mccs @> excluded.mccs THEN h.mccs
                    ELSE issuing_newest_seen(h.mccs, excluded.mccs, 128) END,
                last_present = CASE WHEN excluded.last_present IS NULL THEN h.last_present
                    WHEN h.last_present IS NULL THEN excluded.last_present
                    WHEN ((excluded.last_present->>0)::bigint, (excluded.last_present->>4)::bigint)
                        > ((h.last_present->>0)::bigint, (h.last_present->>4)::bigint) THEN excluded.last_present
                    ELSE h.last_present END;
END $$;
