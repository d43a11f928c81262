"""SQL that stands in a file beside the module that runs it."""

from functools import cache
from importlib import resources


@cache
def sql_file(package: str, name: str) -> str:
    """The text of ``name``.sql in ``package``: ``sql_file(__package__, "dwell")``."""
    return resources.files(package).joinpath(f"{name}.sql").read_text()
