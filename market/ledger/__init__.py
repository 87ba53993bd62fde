"""The ledger of portfolios: what a command changes, decided without a clock, a server or a float."""
