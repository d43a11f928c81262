"""Secrets that a command prints, such as `op read op://Work/PostHog/key`, as usertrack.yaml says.

A workspace may come from somebody else, so a command runs only after `usertrack allow` has allowed it.
"""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from usertrack.core.errors import UsageError
from usertrack.workspace.allowed import HOW_TO_ALLOW, fingerprint_of, is_allowed

LONGEST_SECONDS = 60  # seconds, in which somebody may have to unlock a password manager


@dataclass(frozen=True)
class PasswordCommand:
    """The command, as words, that prints the secret of ``setting``. ``place`` is its file and line."""

    question: ClassVar = "allow this command to run"
    setting: str
    words: tuple[str, ...] = field(repr=False)
    folder: Path
    place: str

    @property
    def text(self) -> str:
        return shlex.join(self.words)

    @property
    def fingerprint(self) -> str:
        """Another one for another workspace, setting or command, or where a file of the workspace in it changed."""
        files = {word: _digest(self.folder / word) for word in self.words}
        return fingerprint_of(self.folder, self.setting, self.words, files)

    @property
    def is_allowed(self) -> bool:
        return is_allowed(self.fingerprint)

    def secret(self) -> str:
        """Return what the command prints, without the end of its line. Raises UsageError."""
        import subprocess

        if not self.is_allowed:
            raise UsageError(f"{self.place}: nobody has allowed the command that prints '{self.setting}'", HOW_TO_ALLOW)
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        try:
            with subprocess.Popen(self.words, cwd=self.folder, stdin=nothing, stdout=pipe, stderr=nothing) as process:
                try:
                    out, _ = process.communicate(timeout=LONGEST_SECONDS)
                except BaseException:
                    process.kill()
                    raise
            output = out.decode()
        except FileNotFoundError as error:
            raise self._failed("cannot be found", "install it, or write where it is") from error
        except subprocess.TimeoutExpired:
            hint = "does it wait for an answer? run it yourself"
            raise self._failed(
                f"took longer than {LONGEST_SECONDS:g} s", hint
            ) from None  # its output may be the secret
        except OSError as error:
            raise self._failed(f"cannot be run ({error.strerror})") from error
        except UnicodeDecodeError:
            raise self._failed("printed what is not UTF-8 text") from None
        if process.returncode:
            raise self._failed(f"ended with exit code {process.returncode}", "run it yourself: it may say why")
        text = output.strip("\r\n")
        if not text.strip():
            raise self._failed("printed nothing")
        if "\n" in text:
            raise self._failed("printed more than one line")
        return text.strip()

    def _failed(self, reason: str, hint: str = "") -> UsageError:
        return UsageError(f"{self.place}: the command `{self.words[0]}`, for '{self.setting}', {reason}", hint)


def password_command(setting: str, value: Any, folder: Path, place: str) -> PasswordCommand:  # noqa: ANN401
    """The command that usertrack.yaml has for ``setting``: a text that is split as a shell would, or a list of words.

    No shell runs it. Raises UsageError.
    """
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError as error:
        raise UsageError(f"{place}: the command has a quote without its end", COMMAND_SHAPE) from error
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise UsageError(f"{place}: 'password_command' takes a command", COMMAND_SHAPE)
    return PasswordCommand(setting, tuple(words), folder, place)


COMMAND_SHAPE = "write posthog.personal_api_key: op read op://Work/PostHog/key, or a list of words"


def _digest(path: Path) -> str | None:
    import hashlib

    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    except (OSError, ValueError):
        return None
