DROP TABLE candle_imports;
DROP TABLE candle_progress;
DROP TABLE candle_shape;
DROP TABLE candle_instruments;
