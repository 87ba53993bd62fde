"""The workers: feeds now; each a pure core in a thin shell."""
