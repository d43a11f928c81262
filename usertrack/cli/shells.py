"""Shell completion scripts that offer our names, files only where a file is expected, and else nothing.

Typer's own scripts offer files wherever there is no name, and do not quote names.
"""

import sys
from typing import Any

_BASH = """
COMP_WORDBREAKS=${COMP_WORDBREAKS//@}
%(complete_func)s() {
    local IFS=$'\\n' offered word
    offered=$( env COMP_WORDS="${COMP_WORDS[*]}" \\
                   COMP_CWORD=$COMP_CWORD \\
                   %(autocomplete_var)s=complete_bash $1 ) || compopt -o default
    COMPREPLY=()
    while read -r word; do
        [[ $word ]] && COMPREPLY+=( "$(printf '%%q' "$word")" )
    done <<< "$offered"
    return 0
}

complete -F %(complete_func)s %(prog_name)s
"""


def install() -> None:
    """Replace Typer's completion; called only to complete a word, or to install the completion."""
    from typer import _completion_classes as typers
    from typer import _completion_shared as scripts
    from typer._click.shell_completion import ShellComplete

    if scripts._completion_scripts["bash"] == _BASH:
        return
    scripts._completion_scripts["bash"] = _BASH
    ShellComplete.get_completions = _completions  # type: ignore[assignment, method-assign]
    typers.BashComplete.complete = _in_bash  # type: ignore[assignment, method-assign]
    typers.ZshComplete.complete = _in_zsh(typers.ZshComplete.complete)  # type: ignore[method-assign]
    typers.FishComplete.complete = _in_fish(typers.FishComplete.complete)  # type: ignore[method-assign]


def _completions(shell: Any, args: list[str], incomplete: str) -> Any:
    from typer._click.shell_completion import CompletionItem, _resolve_context, _resolve_incomplete

    from usertrack.cli import complete

    context = _resolve_context(shell.cli, shell.ctx_args, shell.prog_name, args)
    taker, incomplete = _resolve_incomplete(context, args, incomplete)
    shell.takes_files = type(getattr(taker, "type", None)).__name__ == "TyperPath" or _metavar(taker) in ("FILE", "SQL")
    names = complete.of_parameter(context, taker, incomplete)
    return taker.shell_complete(context, incomplete) if names is None else [CompletionItem(name) for name in names]


def _metavar(taker: Any) -> str:
    return (getattr(taker, "metavar", None) or "").strip("[].")


def _in_bash(shell: Any) -> str:
    offered = shell.get_completions(*shell.get_completion_args())
    if shell.takes_files:
        sys.exit(1)  # which the script takes for: files
    return "\n".join(item.value for item in offered)


def _in_zsh(usual: Any) -> Any:
    def complete(shell: Any) -> str:
        offered: str = usual(shell)
        return offered if shell.takes_files or offered != "_files" else ""

    return complete


def _in_fish(usual: Any) -> Any:
    def complete(shell: Any) -> str:
        try:
            return str(usual(shell))
        except SystemExit:  # whether these are all
            sys.exit(shell.takes_files)

    return complete
