"""The local stack: every server and process of the platform on one machine, started by one command, no Docker."""
