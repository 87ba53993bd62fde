"""The ledger's commands on NATS and its tables in Postgres: one form of each, for the gateway and the workers."""
