"""Alerts on NATS and in Postgres: one form of each, for the gateway and the workers."""
