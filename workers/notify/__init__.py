"""The notify worker: what is to be told, out by mail, web push, webhook and Apprise."""
