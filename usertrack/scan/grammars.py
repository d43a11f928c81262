"""The grammars of tree-sitter, loaded when first used."""

from functools import cache
from typing import TYPE_CHECKING

from usertrack.core.errors import NEEDS_PLAN, UsageError

if TYPE_CHECKING:
    from tree_sitter import Parser


@cache
def parser_for(language: str) -> "Parser":
    """The parser of ``python``, ``javascript``, ``typescript`` or ``tsx``. Raises UsageError without the extra."""
    try:
        import tree_sitter
        import tree_sitter_javascript
        import tree_sitter_python
        import tree_sitter_typescript
    except ImportError as error:
        raise UsageError("the parsers of source code are not installed", NEEDS_PLAN) from error
    grammars = {
        "python": tree_sitter_python.language,
        "javascript": tree_sitter_javascript.language,
        "typescript": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
    }
    return tree_sitter.Parser(tree_sitter.Language(grammars[language]()))
