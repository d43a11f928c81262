"""The demo: the PostHog and Postgres of an invented company, always the same for the same parameters.

Begin in `builder.py`; `world/` invents the company, and `traffic/` sends what its people do.
It may import `sources`, `server` and what lies below; the engine opens it in the place of connections.
"""

from usertrack.demo.builder import Demo, build, open_demo

__all__ = ["Demo", "build", "open_demo"]
