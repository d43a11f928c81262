"""The persons of a staged file, with their properties, as capture would have made them of its events.

Only new distinct_ids are linked to a person: an import never merges two stored persons.
"""

from typing import TYPE_CHECKING

from usertrack.server.capture.persons import MERGING, NOBODY, first_person_id_sql
from usertrack.server.database.literals import literals
from usertrack.server.hogql.sql import identifier, quote
from usertrack.server.imports.events import LINKS, STAGED, Events

if TYPE_CHECKING:
    from usertrack.server.database.session import ClickHouseSession

PEOPLE, JOINED = "posthog.import_people", "posthog.import_joined"

_OTHER_ID = ", ".join(f"event = {quote(event)}, properties.{identifier(key)}.:String" for event, key in MERGING.items())


def links(events: Events) -> str:
    """SELECT of new distinct_ids with the person of the id that they are linked to, stored or new."""
    first = first_person_id_sql(events.token, "key")
    return (
        f"WITH told AS ({events.links()}), known AS ("
        "SELECT distinct_id AS key, toNullable(person_id) AS own FROM posthog.person_distinct_ids FINAL)"
        f" SELECT distinct_id, ifNull(own, {first}) FROM (SELECT distinct_id, key FROM told UNION ALL"
        " SELECT DISTINCT key, key FROM told WHERE key NOT IN (SELECT distinct_id FROM told)) AS ids"
        " LEFT ANY JOIN known USING (key) WHERE distinct_id NOT IN (SELECT key FROM known)"
    )


def join_identified(session: "ClickHouseSession") -> int:
    """Link the new ids that `$identify` and the like name to the person who names them, from the first event on.

    An id that names others itself stays as it is: of a chain only the last link is followed. Returns how many named ids
    stay with another person.
    """
    nobody = literals(sorted(NOBODY))
    named_ids = (
        f"SELECT assumeNotNull(multiIf({_OTHER_ID}, NULL)) AS other, distinct_id AS key, timestamp, person_id AS own"
        f" FROM {STAGED} WHERE event IN {literals(MERGING)} AND other NOT IN ('', key)"
        f" AND lower(other) NOT IN {nobody} AND lower(key) NOT IN {nobody}"
    )
    if not session.rows(f"SELECT 1 FROM ({named_ids}) LIMIT 1"):
        return 0
    session.query(
        f"CREATE TABLE {JOINED} ENGINE = Join(ANY, LEFT, distinct_id) AS WITH told AS ({named_ids})"
        " SELECT other AS distinct_id, argMin(own, (timestamp, key)) AS person_id FROM told"
        " WHERE other NOT IN (SELECT key FROM told)"
        " AND other NOT IN (SELECT distinct_id FROM posthog.person_distinct_ids FINAL)"
        f" AND other NOT IN (SELECT distinct_id FROM {LINKS}) GROUP BY other"
    )
    session.query(
        f"ALTER TABLE {STAGED} UPDATE person_id = joinGet('{JOINED}', 'person_id', distinct_id)"
        f" WHERE distinct_id IN (SELECT distinct_id FROM {JOINED})"
        " SETTINGS mutations_sync = 1, allow_nondeterministic_mutations = 1"
    )
    session.query(f"INSERT INTO {LINKS} SELECT distinct_id, person_id FROM {JOINED}")
    persons = (
        f"SELECT * FROM {LINKS} UNION ALL SELECT distinct_id, person_id FROM posthog.person_distinct_ids FINAL"
        f" UNION ALL SELECT DISTINCT distinct_id, person_id FROM {STAGED}"
        f" WHERE distinct_id IN (SELECT other FROM ({named_ids}))"
    )
    ((unmerged,),) = session.rows(
        f"SELECT toInt32(uniqExact(other)) FROM ({named_ids}) AS told LEFT ANY JOIN ("
        f"SELECT distinct_id AS other, person_id AS known FROM ({persons})) AS persons USING (other) WHERE own != known"
    )
    return int(unmerged)


def emails_are_ids(session: "ClickHouseSession") -> bool:
    """Whether most people of the file have an e-mail as their distinct_id, and none as their property."""
    ((are,),) = session.rows(
        f"SELECT countIf(match(distinct_id, '^[^@ ]+@[^@ ]+[.][^@ ]+$')) * 2 > count() AND"
        f" NOT countIf(toString(sets) LIKE '%email%') FROM {PEOPLE}"
    )
    return bool(are)


def collect_people(session: "ClickHouseSession") -> tuple[int, str, str]:
    """Collect the people of the file, their first and last time, and their `$set` and `$set_once`.

    As in capture, events with ``$process_person_profile: false`` make no person.

    Returns the number of people, and the first and last time of all.
    """
    pairs = "groupArrayIf((timestamp, {0}), {0} != '{{}}')"
    sets = _patched(f"arraySort({pairs.format('set')})")
    once = _patched(f"arrayReverseSort({pairs.format('set_once')})")
    session.query(
        f"CREATE TABLE {PEOPLE} ENGINE = MergeTree ORDER BY distinct_id AS SELECT distinct_id, person_id,"
        f" min(timestamp) AS first_seen, max(timestamp) AS last_seen, {sets} AS sets, {once} AS once"
        " FROM (SELECT distinct_id, person_id, timestamp,"
        "  toJSONString(properties.^`$set`) AS set, toJSONString(properties.^`$set_once`) AS set_once"
        f" FROM {STAGED} WHERE person_mode = 'full') GROUP BY distinct_id, person_id"
    )
    ((people, first, last),) = session.rows(
        f"SELECT (SELECT uniqExact(person_id) FROM {PEOPLE}), min(timestamp), max(timestamp) FROM {STAGED}"
    )
    return int(people), first, last


def persons(events: Events, version: int) -> str:
    """INSERT of persons that are new, were seen at other times, or have other properties; the later value wins.

    `$set_once` only sets missing properties; mapped columns win over `$set`.
    """
    mapped = f"LEFT JOIN ({events.traits()}) AS told USING (distinct_id)" if events.mapping.person else ""
    set_properties = "jsonMergePatch(sets, if(traits = '', '{}', traits))" if mapped else "sets"
    latest = _patched(f"arraySort(groupArray((last_seen, {set_properties})))")
    earliest = _patched("arrayReverseSort(groupArray((first_seen, once)))")
    identified = f"SELECT person_id FROM {LINKS} UNION ALL SELECT person_id FROM {STAGED} WHERE event = '$identify'"
    return (
        "INSERT INTO posthog.persons (id, created_at, properties, is_identified, last_seen_at, version)"
        " SELECT id, if(isNull(known), first, least(first, created_at)),"
        " jsonMergePatch(earliest, if(isNull(known) OR last >= last_seen_at,"
        "  jsonMergePatch(toJSONString(properties), latest), jsonMergePatch(latest, toJSONString(properties)))),"
        f" is_identified OR id IN ({identified}),"
        f" greatest(last, ifNull(last_seen_at, last)), greatest({version}, version + 1)"
        f" FROM (SELECT person_id AS id, min(first_seen) AS first, max(last_seen) AS last,"
        f" {latest} AS latest, {earliest} AS earliest FROM {PEOPLE} AS seen {mapped} GROUP BY id) AS person"
        " LEFT JOIN (SELECT id, toNullable(id) AS known, created_at, properties, is_identified, last_seen_at, version"
        f" FROM posthog.persons FINAL WHERE id IN (SELECT person_id FROM {PEOPLE})) AS stored USING (id)"
        " WHERE isNull(known) OR first < created_at OR isNull(last_seen_at) OR last > last_seen_at"
        " OR latest != '{}' OR earliest != '{}'"
    )


def _patched(pairs: str) -> str:
    """SQL: the JSON objects in ``pairs`` (time, object) merged, each over those before it."""
    return f"arrayFold((all, next) -> jsonMergePatch(all, next.2), {pairs}, '{{}}')"
