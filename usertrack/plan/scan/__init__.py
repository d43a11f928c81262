"""Finds what the code sends: the places in a source tree that capture an event."""
