"""The alert worker: rules from the stream ALERTS, ticks from the tape, and every firing once."""
