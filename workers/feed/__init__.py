"""Feeds: adapters read a source and yield normalised rows; one generic runner publishes them."""
