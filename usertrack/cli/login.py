"""`usertrack login`, `logout`, `profiles` and `allow`: which project and database are asked, and with which secrets."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import complete, diagnostics
from usertrack.cli.common import Common
from usertrack.cli.options import with_common, with_common_once

if TYPE_CHECKING:
    from usertrack.workspace.secret_stores import StoreName

_PANEL = "Workspace"


class Store(StrEnum):
    keyring = "keyring"
    file = "file"


ProfileName = Annotated[
    str, typer.Argument(metavar="[PROFILE]", help="Its name; default: `default`.", autocompletion=complete.profiles)
]


def login(
    profile: ProfileName = "default",
    host: Annotated[str | None, typer.Option("--host", metavar="URL", help="Address of PostHog.")] = None,
    project: Annotated[str | None, typer.Option("--project", metavar="ID", help="Number of PostHog's project.")] = None,
    store: Annotated[
        Store | None, typer.Option("--store", help="Where secrets are stored; default: the keyring, if there is one.")
    ] = None,
) -> None:
    """Log in: asks for PostHog's host, project and key, and for a database, tries them, and stores them as a profile.

    `usertrack login` · the profile that is used where none is named

    `usertrack login acme --host https://eu.posthog.com --project 12345` · asks for the rest

    `usertrack login acme < acme.env` · without a terminal: lines such as POSTHOG_PROJECT_ID=12345

    Secrets are typed without being shown, or come from standard input; no option takes one.
    """
    from contextlib import suppress

    from usertrack.cli.login_answers import has_terminal, piped_answers, stored_answers, typed_answers
    from usertrack.core.errors import UsageError
    from usertrack.workspace.profiles import Profile, check_name, find_profile, profiles_folder, save_profile
    from usertrack.workspace.secret_stores import has_keyring, open_store
    from usertrack.workspace.setting_specs import SETTINGS

    check_name(profile)
    place: StoreName = "file" if store is Store.file or (store is None and not has_keyring()) else "keyring"
    open_store(place, profiles_folder()).check()  # an error before anything is asked
    stored = stored_answers(None, default_host := SETTINGS["posthog.host"].default)
    with suppress(UsageError):  # a broken one, or a keyring that is locked: all is asked anew
        stored = stored_answers(find_profile(profile), default_host)
    answers = (typed_answers if has_terminal() else piped_answers)(stored, host, project)
    address, project_id = (answers.host, answers.project) if answers.project else (None, None)
    saved = Profile(profile, address, project_id, answers.address, place, profiles_folder(), answers.internal)
    save_profile(saved, answers.secrets)
    where = saved.secrets_file or "the system's keyring"
    diagnostics.note(f"stored profile '{profile}' in {saved.file}, its secrets in {where}")
    diagnostics.note(f"next: `usertrack doctor{'' if profile == 'default' else f' --profile {profile}'}`")


def logout(profile: ProfileName = "default") -> None:
    """Log out: removes a profile with its secrets. Nothing changes in PostHog: the key goes on being valid there.

    `usertrack logout acme`
    """
    from usertrack.workspace.profiles import remove_profile, require_profile

    remove_profile(require_profile(profile))
    diagnostics.note(f"removed profile '{profile}' and its secrets; its key stays valid until you delete it in PostHog")


@with_common
def profiles(*, common: Common) -> None:
    """List the profiles that `usertrack login` stored: host, project and database of each, and no secret.

    `usertrack profiles`
    """
    from contextlib import suppress

    from usertrack.checks.profiles_view import profiles_document
    from usertrack.cli import output
    from usertrack.cli.common import settings_of
    from usertrack.core.errors import UsageError
    from usertrack.workspace.profiles import profile_names, require_profile

    used = None
    with suppress(UsageError):  # a workspace that names an unknown one is a reason to list them
        used = settings_of(common)["profile"]
    known = [require_profile(name) for name in profile_names()]
    output.emit(profiles_document(known, used), fmt=common.format or "", output=common.output, note=diagnostics.note)
    for warning in filter(None, (profile.warning for profile in known)):
        diagnostics.note(warning)


@with_common_once
def allow(
    yes: Annotated[bool, typer.Option("--yes", help="Allow all of them without asking.")] = False, *, common: Common
) -> None:
    """Allow the commands with which this workspace gets secrets to run, and your keys to go to the addresses it sets.

    `usertrack allow` · shows each, and asks

    Somebody else may have written them: look first. What is changed has to be allowed anew.
    """
    from usertrack.cli.common import settings_of
    from usertrack.live.signals.read import read_patterns
    from usertrack.workspace import allowed
    from usertrack.workspace.destinations import Destination, destinations
    from usertrack.workspace.files import patterns_path
    from usertrack.workspace.password_command import PasswordCommand

    settings = settings_of(common)
    requests: list[PasswordCommand | Destination] = [*settings.commands]
    requests += destinations(settings, read_patterns(patterns_path(settings)).notifications.mail_servers)
    if not requests:
        diagnostics.note("there is nothing to allow: no password_command, and no key that goes to an address set here")
    for request in requests:
        line = f"{request.place}, for '{request.setting}': {request.text}"
        if request.is_allowed:
            diagnostics.note(f"allowed already: {line}")
            continue
        diagnostics.note(line)
        if yes or diagnostics.confirm(request.question):
            allowed.allow(request.fingerprint)
            diagnostics.note("allowed")


def register(app: typer.Typer) -> None:
    for command in (login, logout, profiles, allow):
        app.command(rich_help_panel=_PANEL)(command)
