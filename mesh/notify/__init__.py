"""Notifications: what is to be said to whom, in Postgres and on NATS."""
