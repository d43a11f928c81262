"""HogQL, PostHog's SQL, compiled to ClickHouse over the tables of schema.sql, and over nothing else."""

from usertrack.server.hogql.compile import compile_hogql
from usertrack.server.hogql.compiled import CompiledQuery
from usertrack.server.hogql.context import Context, PropertyDefinition
from usertrack.server.hogql.errors import HogQLError, HogQLSyntaxError

__all__ = ["CompiledQuery", "Context", "HogQLError", "HogQLSyntaxError", "PropertyDefinition", "compile_hogql"]
