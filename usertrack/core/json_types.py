"""Types of decoded JSON and YAML, declared once."""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""An object of JSON, or a mapping of YAML. Its values have no type until the code that reads a key checks them."""
