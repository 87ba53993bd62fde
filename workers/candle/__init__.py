"""The candle worker: the tape in, candles of every timeframe out."""
