"""One adapter for each kind of channel: how it says a notification to its provider, and how that can fail."""
