"""Commands over HTTP: made durable on a stream, answered once they are carried out, and only once for each key."""
