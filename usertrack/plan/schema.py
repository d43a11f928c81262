"""The JSON Schema of `tracking.yaml`, by which editors complete and check the file."""

from importlib import resources

SCHEMA_FILE = "tracking.schema.json"
SCHEMA_TITLE = '"title": "tracking.yaml"'
EDITOR_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""The first line of a plan, in which editors look for its schema: a file beside it."""


def schema_text() -> str:
    return resources.files(__package__).joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
