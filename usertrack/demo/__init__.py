"""The demo: the PostHog and Postgres of an invented company, always the same for the same parameters."""

from usertrack.demo.builder import Demo, build, open_demo

__all__ = ["Demo", "build", "open_demo"]
