"""The domain, pure: rows, symbols, the state of instruments. No await, no clock, no network."""
