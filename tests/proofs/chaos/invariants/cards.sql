-- I17. Sealed card data names a key that there is, opens with that key, and was sealed for the row and column where it is.
SELECT s.id, s.name, k.raw IS NOT NULL AS has_key FROM chaos.sealed s
LEFT JOIN chaos.key k ON substr(s.raw, 1, 9) = '\x01'::bytea || chaos.derived(k.raw, 'id', 8)
WHERE substr(chaos.opened(s.raw, k.raw), 1, 32) IS DISTINCT FROM sha256('\x6f6e6563617264207365616c65642076616c756500'::bytea
    || substr(s.raw, 1, 9) || convert_to(format('issuing_virtualcard.%s:%s', s.name, s.public_id), 'UTF8'));

-- I17. What is sealed is the card's own number, and its code.
SELECT s.id, s.name FROM chaos.sealed s
LEFT JOIN chaos.key k ON substr(s.raw, 1, 9) = '\x01'::bytea || chaos.derived(k.raw, 'id', 8)
WHERE coalesce(convert_from(substr(chaos.opened(s.raw, k.raw), 33), 'UTF8'), '')
    !~ CASE s.name WHEN 'encrypted_cvv' THEN '^\d{3,4}$' ELSE '^\d{8,15}' || s.last_four || '$' END;

-- I17. After the keys were changed, all is under the one that seals now.
SELECT s.id, s.name FROM chaos.sealed s WHERE NOT EXISTS (SELECT FROM chaos.key k
    WHERE k.seals AND substr(s.raw, 1, 9) = '\x01'::bytea || chaos.derived(k.raw, 'id', 8));
