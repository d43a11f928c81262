"""Code from the tracking plan: names of events as constants, types of their properties, a typed `track`."""

from enum import StrEnum


class Language(StrEnum):
    python = "python"
    typescript = "typescript"
