"""The demo workspace: a small company's PostHog and Postgres, made up, the same every time for the same parameters."""

from usertrack.demo.builder import DOMAIN, Demo, build, open_demo

__all__ = ["DOMAIN", "Demo", "build", "open_demo"]
