"""Alerts over HTTP: commands go to their worker and are answered once they are durable; reads ask the tables."""
