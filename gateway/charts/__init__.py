"""`GET /candles`: history and the open candle, with indicators."""
