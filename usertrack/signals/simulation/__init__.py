"""What patterns would have done in the past: the engine and the router of messages over history, in virtual time."""
