"""The portfolio worker: commands on LEDGER into the tables, each once, and answered once they last."""
