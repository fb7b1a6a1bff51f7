-- Makes the months that a table lacks between two days, and returns how many. Rows of these months that lie in the
-- default partition, since nobody made the month in time, move to where they belong (docs/decisions/0051).
-- It runs with the rights of its owner, the role of the migrations, since the application's role owns no table. All that
-- a caller can do with it is to add empty months.
CREATE OR REPLACE FUNCTION onecard_add_partitions(p_table text, p_from date, p_until date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    v_parent regclass;
    v_schema text;
    v_column text;
    v_default regclass;
    v_missing date[];
    v_month date;
    v_is_late boolean;
BEGIN
    SELECT c.oid, n.nspname, a.attname, t.partdefid INTO v_parent, v_schema, v_column, v_default
        FROM pg_partitioned_table t
            JOIN pg_class c ON c.oid = t.partrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = t.partattrs[0]
        WHERE c.oid = to_regclass(quote_ident(p_table)) AND c.relpersistence = 'p' AND t.partdefid <> 0;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no table of months with a default partition', p_table;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('onecard.partitions:' || p_table, 0));

    SELECT array_agg(month::date ORDER BY month) INTO v_missing
        FROM generate_series(date_trunc('month', p_from::timestamp), p_until::timestamp, interval '1 month') AS month
        WHERE to_regclass(format('%I.%I', v_schema, p_table || to_char(month, '_YYYY_MM'))) IS NULL;
    IF v_missing IS NULL THEN
        RETURN 0;
    END IF;

    -- A month cannot be attached while the default partition has rows of it. Nobody may delete them from there, so the
    -- whole partition is taken away, and its rows are added anew.
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE date_trunc(''month'', %I)::date = ANY ($1))', v_default, v_column)
        INTO v_is_late USING v_missing;
    IF v_is_late THEN
        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', v_parent, v_default);
        EXECUTE format('ALTER TABLE %s RENAME TO %I', v_default, p_table || '_late');
        EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s DEFAULT', v_schema, p_table || '_default', v_parent);
    END IF;

    FOREACH v_month IN ARRAY v_missing LOOP
        -- Attached when it is made: CREATE TABLE … PARTITION OF would lock out whoever writes to other months.
        EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE '
                       'INCLUDING COMPRESSION)', v_schema, p_table || to_char(v_month, '_YYYY_MM'), v_parent);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', v_parent, v_schema,
                       p_table || to_char(v_month, '_YYYY_MM'), v_month, (v_month + interval '1 month')::date);
    END LOOP;

    IF v_is_late THEN
        EXECUTE format('INSERT INTO %s SELECT * FROM %I.%I', v_parent, v_schema, p_table || '_late');
        EXECUTE format('DROP TABLE %I.%I', v_schema, p_table || '_late');
    END IF;
    RETURN cardinality(v_missing);
END $$;
