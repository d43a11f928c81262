"""Proposals for a `tracking.yaml`: what was read elsewhere, what of it is a guess, and how it gets into the file."""
