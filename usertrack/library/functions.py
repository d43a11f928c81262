"""Functions of PostgreSQL that no query may call, because a read-only transaction does not stop them.

They are found by name, anywhere in the SQL. sqlglot's tokens are not enough: it takes everything after `t.begin show`
for a text, and a call could hide there.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

_REFUSED = {
    "changes settings": r"set_config|pg_reload_conf|pg_rotate_logfile\w*|pg_stat_reset\w*|pg_stat_statements_reset",
    "takes locks that others wait for": r"pg_(?:try_)?advisory_\w+",
    "sends messages to other sessions": "pg_notify",
    "ends or interrupts other sessions": "pg_cancel_backend|pg_terminate_backend|pg_log_backend_memory_contexts",
    "changes the server": (
        r"pg_switch_(?:wal|xlog)|pg_create_\w+|pg_drop_\w+|pg_copy_\w+_slot|pg_logical_\w+|pg_replication_origin_\w+"
        r"|pg_replication_slot_advance|pg_sync_replication_slots|pg_promote|pg_(?:wal|xlog)_replay_\w+"
        r"|pg_(?:start|stop)_backup|pg_backup_(?:start|stop)|pg_log_standby_snapshot|pg_export_snapshot"
        r"|pg_import_system_collations|pg_(?:clear|restore)_\w+_stats|pg_truncate_visibility_map|pg_prewarm|autoprewarm_\w+"
        r"|pg_buffercache_evict\w*|brin_(?:de)?summarize_\w+|gin_clean_pending_list|txid_current|pg_current_xact_id"
    ),
    "counts a sequence on": "nextval|setval",
    "reads or writes files of the server": (
        r"pg_read_\w*file\w*|pg_stat_file|pg_ls_\w+|pg_file_\w+|pg_logdir_ls|pg_hba_file_rules|pg_ident_file_mappings"
        r"|pg_show_all_file_settings|pg_get_wal_\w+|get_raw_page"
    ),
    "reads or writes large objects, which are no tables": (
        r"lo_(?:import|export|creat|create|unlink|open|close|get|put|from_bytea|lseek\w*|tell\w*|truncate\w*)|loread|lowrite"
    ),
    "runs a text as SQL that nobody has checked": (
        r"query_to_xml\w*|(?:table|schema|database|cursor)_to_xml\w*|ts_stat|ts_rewrite|crosstab\w*|connectby|xpath_table"
    ),
    "asks other servers": (
        r"dblink\w*|postgres_fdw_\w+|http_(?:get|post|put|patch|delete|head)|query_export_to_s3|lambda_invoke"
    ),
}
BEYOND_TABLES = "a query reads tables, and changes nothing, settings and locks included"
_BY_REASON = re.compile("|".join(f"(?P<r{n}>{names})" for n, names in enumerate(_REFUSED.values())))
_REASONS = list(_REFUSED)
_BLANKS = r"(?:\s|--[^\r\n]*)*+"
_LEXEMES = re.compile(
    rf"""--[^\r\n]*
    | (?P<comment>/\*)
    | [eE]'(?:[^'\\]|\\.|'')*+'(?:{_BLANKS}'(?:[^'\\]|\\.|'')*+')*  # one text may go on in further lines
    | '(?:[^']|'')*+'
    | (?P<escaped>[uU]&")
    | "(?P<quoted>(?:[^"]|"")*+)"
    | \$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*+)?)\$.*?\$(?P=tag)\$
    | (?P<name>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*+)""",
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=512)  # as many as `sql.parsed`
def refused_function(sql: str) -> tuple[int, str] | None:
    """The offset of the first refused function in ``sql``, and why it is refused; None where there is none."""
    for name, start in _names(sql):
        if name == _ESCAPED:
            return start, "a name is written with unicode escapes, which may hide a function that no query may call"
        if match := _BY_REASON.fullmatch(name):
            return start, f"no query may call {name}: it {_REASONS[int(str(match.lastgroup)[1:])]}"
    return None


_ESCAPED = 'U&"'


def _names(sql: str) -> Iterator[tuple[str, int]]:
    """Each name in ``sql`` as PostgreSQL reads it, quoted or not, with its offset; `U&"` for an escaped one."""
    position = 0
    while match := _LEXEMES.search(sql, position):
        position = match.end()
        if match["comment"]:
            position = _after_comment(sql, position)
        elif match["escaped"]:
            yield _ESCAPED, match.start()
        elif match["name"]:
            yield match["name"].lower(), match.start()
        elif match["quoted"] is not None:
            yield match["quoted"].replace('""', '"'), match.start()


def _after_comment(sql: str, position: int) -> int:
    """The offset behind the comment that begins before ``position``: comments of PostgreSQL nest."""
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(sql, position):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(sql)
