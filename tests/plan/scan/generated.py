"""Source code of random expressions over earlier ones, in which every value may be many others."""

import random
from collections.abc import Sequence

FORMS = {  # each hole is an expression of its own; @ is an earlier name
    "py": [
        *("{} + {}", "({} if c else {})", "{{'event': {}, 'name': {}, **{}}}", "[{}, {}]", "@({}, {})", "{}.event"),
        *("{}[{}]", "f'{{@}}_{{@}}'", "(lambda p: {})", "@.map({})"),
    ],
    "js": [
        *("{} + {}", "(c ? {} : {})", "{{event: {}, name: {}, ...{}}}", "[{}, {}]", "@({}, {})", "{}.event"),
        *("{}[{}]", "`${{{}}}_${{{}}}`", "((p) => {})", "@.map({})"),
    ],
}
DEFINED = {"py": "def {}(p0): return {}", "js": "function {}(p0) {{ return {}; }}"}
SENT = {"py": "posthog.capture('u', {}, {})", "js": "posthog.capture({}, {});"}
IMPORT = {"py": "import posthog", "js": 'import posthog from "posthog-js";'}
LAST = {"py": "posthog.capture('u', 'the_last')", "js": "posthog.capture('the_last');"}


def program(seed: int) -> tuple[str, str]:
    """The ending and the text of a file that sends `the_last` in its last line."""
    dice = random.Random(seed)
    language = dice.choice(("py", "js"))
    names: list[str] = ["c"]
    lines = [IMPORT[language]]
    for number in range(dice.choice((5, 20, 60, 200))):
        value = _expression(dice, language, dice.choice((1, 2, 4, 6)), names[-8:])
        name = f"a{number}" if dice.random() < 0.9 else dice.choice(names)
        as_function = dice.random() < 0.2
        lines.append(DEFINED[language].format(name, value) if as_function else f"{name} = {value}")
        names.append(name)
        if dice.random() < 0.2:
            given = (_expression(dice, language, depth, names[-5:]) for depth in (4, 3))
            lines.append(SENT[language].format(*given))
    return language, "\n".join([*lines, LAST[language], ""])


def _expression(dice: random.Random, language: str, depth: int, names: Sequence[str]) -> str:
    if depth == 0 or dice.random() < 0.15:
        return dice.choice(names) if dice.random() < 0.7 else dice.choice(("'signed_up'", "'%s'", "'{}'", "''"))
    form = dice.choice(FORMS[language])
    inner = (_expression(dice, language, depth - 1, names) for _ in range(form.count("{}")))
    return form.replace("@", dice.choice(names)).format(*inner)
