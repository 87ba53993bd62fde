-- The seven tables of candles on a Postgres without TimescaleDB: native partitions by time.
-- depends: 0002_candles

CREATE TABLE candles_1m (LIKE candle_shape INCLUDING ALL) PARTITION BY RANGE (starts_at);
CREATE TABLE candles_5m (LIKE candle_shape INCLUDING ALL) PARTITION BY RANGE (starts_at);
CREATE TABLE candles_15m (LIKE candle_shape INCLUDING ALL) PARTITION BY RANGE (starts_at);
CREATE TABLE candles_1h (LIKE candle_shape INCLUDING ALL) PARTITION BY RANGE (starts_at);
CREATE TABLE candles_1d (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_1w (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_1mo (LIKE candle_shape INCLUDING ALL);

-- Make room for the candles that start in [starts, ends); done before, it changes nothing. The writer says which
-- stretches it needs. Made aside and attached: reads and writes of the other partitions go on meanwhile.
CREATE FUNCTION candle_room(parent text, starts timestamptz, ends timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    partition text := parent || to_char(starts AT TIME ZONE 'UTC', '_YYYYMMDD');
BEGIN
    IF parent IN ('candles_1d', 'candles_1w', 'candles_1mo') OR to_regclass(quote_ident(partition)) IS NOT NULL THEN
        RETURN;
    END IF;
    LOCK TABLE candle_shape IN SHARE UPDATE EXCLUSIVE MODE; -- one at a time, and what others have made is seen now
    IF to_regclass(quote_ident(partition)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE candle_shape INCLUDING ALL)', partition);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition, starts, ends);
    END IF;
END
$body$;

-- Drop the partitions that end before `keep_after`; the answer is how many.
CREATE FUNCTION candle_retention(parent text, keep_after timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE
    partition text;
    dropped integer := 0;
BEGIN
    FOR partition IN
        SELECT child.relname
          FROM pg_inherits JOIN pg_class child ON child.oid = pg_inherits.inhrelid
         WHERE pg_inherits.inhparent = to_regclass(quote_ident(parent))
           AND (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz <= keep_after
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$body$;
