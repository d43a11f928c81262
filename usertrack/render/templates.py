"""Templates of pages: the shipped ones, or those of the same name in the workspace's `templates/`.

A template gets only the document: the environment is a sandbox, an unknown name is an error, and values are escaped.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from usertrack.core.errors import UsageError


def template(
    names: list[str], folder: Path | None, *, autoescape: bool, helpers: Mapping[str, Any], finalize: Any = None
) -> Any:
    """The first of ``names`` that exists, for `render_page`; ``helpers`` are its filters."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    shipped = jinja2.PackageLoader("usertrack.render")
    own = [jinja2.FileSystemLoader(folder)] if folder else []
    environment = ImmutableSandboxedEnvironment(
        # `shipped/NAME` is the shipped template, so that a workspace's own can extend the one that it replaces
        loader=jinja2.ChoiceLoader([*own, shipped, jinja2.PrefixLoader({"shipped": shipped})]),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(helpers)
    return _placed(lambda: environment.select_template(names), folder)


def render_page(page: Any, folder: Path | None, **variables: Any) -> Any:
    """The pieces of the page; a single piece where the workspace has templates, so that no error leaves half a page."""
    return [_placed(lambda: page.render(**variables), folder)] if folder else page.generate(**variables)


def _placed(action: Callable[[], Any], folder: Path | None) -> Any:
    """The result of ``action``; raises UsageError with file and line for an error in a template of the workspace."""
    import jinja2

    try:
        return action()
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"{error.filename or error.name}:{error.lineno}: {error.message}", _HINT) from error
    except jinja2.TemplateNotFound as error:
        raise UsageError(f"a template in {folder} needs '{error.message}', and there is none", _HINT) from error
    except Exception as error:
        if folder is None or not (where := _line(error, folder)):
            raise
        raise UsageError(f"{where}: {str(error).rstrip('.') or type(error).__name__}", _HINT) from error


_HINT = "docs/guide/reports.md says what templates are given; without the file the shipped one is used"


def _line(error: BaseException, folder: Path) -> str:
    """File and line of the workspace's template in the error's traceback; empty when there is none."""
    trace, line = error.__traceback__, ""
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(folder) or file.is_relative_to(folder.absolute()):
            line = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return line
