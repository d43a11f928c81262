"""The profiles of `usertrack login` as a listing, without their secrets."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph
from usertrack.sources.identity import place_of
from usertrack.workspace.profiles import Profile


def profiles_document(profiles: Sequence[Profile], used: str | None) -> Document:
    """``used`` is the name of the one that is asked where the command runs, if any."""
    columns: Columns[Profile] = Columns(
        Attribute("name", "VARCHAR", field=Field("Profile")),
        Attribute(
            "used",
            "BOOLEAN",
            lambda profile: profile.name == used,
            Field("Used here"),
            lambda profile: "yes" if profile.name == used else "",
        ),
        Attribute("host", "VARCHAR", _host, Field("PostHog")),
        Attribute("project_id", "VARCHAR", field=Field("Project")),
        Attribute(
            "database",
            "VARCHAR",
            lambda profile: place_of(profile.database) if profile.database else None,
            Field("Database"),
        ),
        Attribute("secrets", "VARCHAR", "store", Field("Secrets in")),
    )
    listing = columns.listing(profiles) if profiles else Paragraph("none yet: `usertrack login` stores one")
    return Document(title="usertrack profiles", blocks=(listing,), table=columns.table(profiles, "profiles"))


def _host(profile: Profile) -> str | None:
    return urlsplit(profile.host).netloc if profile.host else None
