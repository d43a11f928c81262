"""State shared by all pages: settings, answers, shell and access."""

from dataclasses import dataclass

from usertrack.web.access import Access
from usertrack.web.answers import Answers
from usertrack.web.shell import Shell
from usertrack.workspace.settings import Settings


@dataclass(frozen=True)
class Site:
    """The answers of the workspace, the frame of its pages, and who may look."""

    settings: Settings
    answers: Answers
    shell: Shell
    access: Access
