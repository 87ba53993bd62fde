"""Actors: one owner for each partition of the tape, its state checkpointed, its effects repeatable."""
