"""The kit on NATS: connections, streams and buckets as declared data, bulk publisher and reader, settings."""
