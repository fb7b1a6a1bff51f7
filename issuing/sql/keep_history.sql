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
               coalesce((place->>'merchant')::int, ('x' || left(md5(coalesce(nullif(
                   a.merchant_network_id, ''), upper(a.merchant_name))), 8))::bit(32)::int) AS merchant,
               coalesce(place->>'country', a.merchant_country) AS country,
               coalesce(mcc_then, a.mcc) AS mcc,
               CASE WHEN (place->>'is_present')::boolean THEN place END AS present
        -- With OFFSET these parts are taken out of the trace once, and not for each thing that is read of them.
        FROM (SELECT id, authorization_id, approved, amount_minor, currency, decided_at, trace->'place' AS place,
                     trace->>'mcc' AS mcc_then, trace ? 'card_version' AS is_of_card
              FROM issuing_decision WHERE id = ANY(p_decisions) AND corrects_id IS NULL OFFSET 0) d
            JOIN issuing_authorization a ON a.id = d.authorization_id
            JOIN issuing_virtualcard c ON c.id = a.card_id
        WHERE d.is_of_card
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
