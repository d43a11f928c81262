"""The tracking plan, `tracking.yaml`: what should be tracked, by which rules."""
