"""Candles: trades folded into bars of seven timeframes, exactly and however they are batched."""
