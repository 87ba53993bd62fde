"""Prepares a fresh checkout; runs on the system's Python before anything is installed: standard library alone."""
