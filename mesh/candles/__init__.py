"""Candles outside the fold: their tables, their cache, and the newest ones asked of the worker that owns them."""
