DROP FUNCTION candle_retention(text, timestamptz);
DROP FUNCTION candle_room(text, timestamptz, timestamptz);
DROP TABLE candles_1mo;
DROP TABLE candles_1w;
DROP TABLE candles_1d;
DROP TABLE candles_1h;
DROP TABLE candles_15m;
DROP TABLE candles_5m;
DROP TABLE candles_1m;
