"""The REST endpoints of the market: quotes, prices, symbols, and the gateway's own health."""
