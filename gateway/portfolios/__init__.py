"""Portfolios over HTTP: commands go to the ledger and are answered once they are durable; reads ask the owner."""
