"""Names of sources as users write them: in `queries/neon`, in `tables/neon` and as `--source neon`."""

POSTGRES = "neon"
"""Any PostgreSQL. The first user had theirs at Neon, and the folders of every workspace are named like that source."""

TABLES = f"tables/{POSTGRES}"
"""The folder of a workspace whose files say what an account, a run or a call is."""
