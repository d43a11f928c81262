"""How many people the two sources share, and who is left out of profiles."""

from dataclasses import asdict, dataclass

LEFT_OUT = ("internal", "opted_out", "deleted")
"""Kinds of people who are known and have no profile."""
NOT_LEFT_OUT = f"coalesce(kind, '') NOT IN {LEFT_OUT}"


@dataclass(frozen=True)
class Match:
    """How many e-mails the two sources share; ``anonymous`` counts visitors without one, ``without_email`` accounts."""

    matched: int | None = None
    posthog_only: int | None = None
    postgres_only: int | None = None
    ambiguous: int = 0
    anonymous: int | None = None
    without_email: int | None = None
    internal_excluded: int = 0
    opted_out: int = 0
    deleted: int = 0

    def as_dict(self) -> dict[str, int | None]:
        return asdict(self)
