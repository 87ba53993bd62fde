"""History from files: daily or minute candles as CSV or Parquet, into the tables, a piece at a time.

file ─▶ source (rows of text and numbers) ─▶ table (candles, and which rows are bad) ─▶ load (tables, progress)
"""
