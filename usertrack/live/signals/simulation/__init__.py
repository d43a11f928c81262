"""Replays history through the engine and the router of messages, in virtual time."""
