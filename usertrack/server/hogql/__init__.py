"""HogQL, PostHog's SQL, compiled to ClickHouse over the tables of schema.sql, and over nothing else."""

from usertrack.server.hogql.compile import Compiled, compile_hogql
from usertrack.server.hogql.context import Context, Definition
from usertrack.server.hogql.errors import HogQLError, HogQLSyntaxError

__all__ = ["Compiled", "Context", "Definition", "HogQLError", "HogQLSyntaxError", "compile_hogql"]
