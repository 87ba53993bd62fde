-- The seven tables of candles on a Postgres with TimescaleDB: hypertables, compressed when they are a month old.
-- depends: 0002_candles

CREATE EXTENSION IF NOT EXISTS timescaledb;

CREATE TABLE candles_1m (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_5m (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_15m (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_1h (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_1d (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_1w (LIKE candle_shape INCLUDING ALL);
CREATE TABLE candles_1mo (LIKE candle_shape INCLUDING ALL);

SELECT create_hypertable('candles_1m', by_range('starts_at', interval '1 day'));
SELECT create_hypertable('candles_5m', by_range('starts_at', interval '7 days'));
SELECT create_hypertable('candles_15m', by_range('starts_at', interval '30 days'));
SELECT create_hypertable('candles_1h', by_range('starts_at', interval '90 days'));
SELECT create_hypertable('candles_1d', by_range('starts_at', interval '3650 days'));
SELECT create_hypertable('candles_1w', by_range('starts_at', interval '3650 days'));
SELECT create_hypertable('candles_1mo', by_range('starts_at', interval '3650 days'));

ALTER TABLE candles_1m SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'instrument',
    timescaledb.compress_orderby = 'starts_at, session'
);
ALTER TABLE candles_5m SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'instrument',
    timescaledb.compress_orderby = 'starts_at, session'
);
ALTER TABLE candles_15m SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'instrument',
    timescaledb.compress_orderby = 'starts_at, session'
);
ALTER TABLE candles_1h SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'instrument',
    timescaledb.compress_orderby = 'starts_at, session'
);

SELECT add_compression_policy('candles_1m', interval '30 days');
SELECT add_compression_policy('candles_5m', interval '30 days');
SELECT add_compression_policy('candles_15m', interval '30 days');
SELECT add_compression_policy('candles_1h', interval '30 days');

SELECT add_retention_policy('candles_1m', interval '2 years');
SELECT add_retention_policy('candles_5m', interval '5 years');
SELECT add_retention_policy('candles_15m', interval '5 years');
SELECT add_retention_policy('candles_1h', interval '10 years');

-- Chunks make themselves, and policies drop them: the same names as without the extension, with nothing left to do.
CREATE FUNCTION candle_room(parent text, starts timestamptz, ends timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    RETURN;
END
$body$;

CREATE FUNCTION candle_retention(parent text, keep_after timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
BEGIN
    RETURN 0;
END
$body$;
