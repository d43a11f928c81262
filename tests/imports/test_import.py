"""`usertrack import events`: which events a file becomes, and that importing it again changes nothing."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from usertrack.server.capture.ip_addresses import hide_addresses
from usertrack.server.capture.persons import first_person_id
from usertrack.server.serve import load_or_create_settings

from ..conftest import Cli
from .conftest import Events, Import, imported, parquet

Rows = Callable[[str], list[list[Any]]]

SHOP = """user_id,action,ts,amount,zip,paid,note
007,signup,2024-03-31 01:30:00,,00123,true,"two
lines"
007,buy,2024-03-31 03:30:00,9.50,00124,false,
8,buy,2024-03-31T03:30:00Z,10,x,false,
8,buy,2024-03-31T03:30:00Z,10,x,false,
"""


def test_usual_names_are_found_and_values_keep_what_they_are(load: Import, events: Events) -> None:
    result = load(SHOP, "--timezone", "Europe/Berlin")
    assert result.code == 0
    assert "distinct_id ← user_id (by its name)" in result.err
    assert "4 events imported" in result.out
    assert events() == [
        ["2024-03-31 00:30:00.000000", "007", "signup", {"note": "two\nlines", "paid": True, "zip": "00123"}],
        ["2024-03-31 01:30:00.000000", "007", "buy", {"amount": 9.5, "paid": False, "zip": "00124"}],
        ["2024-03-31 03:30:00.000000", "8", "buy", {"amount": 10, "paid": False, "zip": "x"}],
        ["2024-03-31 03:30:00.000000", "8", "buy", {"amount": 10, "paid": False, "zip": "x"}],
    ]


def test_the_same_file_twice_holds_each_event_once(load: Import, stored: Rows) -> None:
    first = imported(load(SHOP, "-f", "json"))
    before = stored("SELECT * FROM posthog.events ORDER BY uuid")
    again = imported(load(SHOP, "-f", "json"))
    assert (first["events"], first["known"], again["events"], again["known"]) == (4, 0, 0, 4)
    assert stored("SELECT * FROM posthog.events ORDER BY uuid") == before
    assert stored("SELECT toInt32(count()), toInt32(uniqExact(uuid)) FROM posthog.events") == [[4, 4]]


def test_a_log_that_has_grown_adds_what_is_new(load: Import, stored: Rows) -> None:
    load(SHOP)
    grown = imported(load(SHOP + "8,buy,2024-03-31T03:30:00Z,10,x,false,\n9,buy,2024-04-01,,,,\n", "-f", "json"))
    assert (grown["events"], grown["known"]) == (2, 4)  # the third of three identical rows is one of the new
    assert stored("SELECT toInt32(count()) FROM posthog.events") == [[6]]
    assert stored("SELECT toInt32(count()) FROM posthog.persons FINAL") == [[3]]


def test_the_user_says_what_is_what(load: Import, events: Events, stored: Rows) -> None:
    text = "who,price,mail,when,secret\na,5,a@x.example,1704067200,s\na,6,b@x.example,1704153600,s\na,7,,1704240000,s\n"
    mapping = ("-m", "distinct_id=who", "-m", "event='purchase'", "-m", "timestamp=when", "-m", "property.amount=price")
    result = load(text, *mapping, "-m", "person.email=mail", "-m", "person.source='shop'", "--omit", "secret")
    assert "event ← 'purchase', for every row" in result.err
    assert "left out ← secret" in result.err
    assert events() == [
        ["2024-01-01 00:00:00.000000", "a", "purchase", {"amount": 5}],
        ["2024-01-02 00:00:00.000000", "a", "purchase", {"amount": 6}],
        ["2024-01-03 00:00:00.000000", "a", "purchase", {"amount": 7}],
    ]
    persons = "SELECT properties, toString(created_at), toString(last_seen_at) FROM posthog.persons FINAL"
    assert stored(persons) == [
        [
            {"email": "b@x.example", "source": "shop"},
            "2024-01-01 00:00:00.000000",
            "2024-01-03 00:00:00.000000",
        ]
    ]


def test_a_column_named_as_a_target_is_that_target(load: Import, events: Events, stored: Rows) -> None:
    load("user,event,time,person.email,property.price\na,x,2024-01-01,a@x.example,5\n")
    assert events() == [["2024-01-01 00:00:00.000000", "a", "x", {"price": 5}]]
    assert stored("SELECT properties FROM posthog.persons FINAL") == [[{"email": "a@x.example"}]]


def test_persons_are_those_that_capture_would_make(load: Import, data: Path, stored: Rows) -> None:
    load("user,event,time\nO'Brien \\ “ö”,a,2024-01-01\n")
    token = load_or_create_settings(data, {}).project_token
    expected = first_person_id(token, "O'Brien \\ “ö”")
    assert stored("SELECT distinct_id, person_id FROM posthog.person_distinct_ids FINAL") == [
        ["O'Brien \\ “ö”", expected]
    ]
    assert stored("SELECT person_id FROM posthog.events") == [[expected]]


def test_older_events_move_a_persons_beginning_and_keep_its_properties(load: Import, stored: Rows) -> None:
    load("user,event,time,mail\na,x,2024-05-01,new@x.example\n", "-m", "person.email=mail")
    load(
        "user,event,time,mail,plan\na,x,2024-01-01,old@x.example,pro\n",
        "-m",
        "person.email=mail",
        "-m",
        "person.plan=plan",
    )
    assert stored("SELECT properties, toString(created_at), toString(last_seen_at) FROM posthog.persons FINAL") == [
        [{"email": "new@x.example", "plan": "pro"}, "2024-01-01 00:00:00.000000", "2024-05-01 00:00:00.000000"]
    ]


def test_the_same_file_again_with_more_said_of_persons(load: Import, stored: Rows) -> None:
    text = "email,event,time\nl@x.example,a,2024-01-01\n"
    assert "`-m person.email=COLUMN` makes those the e-mails that segments go by" in load(text).err
    again = imported(load(text, "-m", "person.email=email", "-f", "json"))  # it names the distinct_id all the same
    assert (again["events"], again["known"]) == (0, 1)
    assert stored("SELECT properties FROM posthog.persons FINAL") == [[{"email": "l@x.example"}]]


def test_several_ids_of_one_person(load: Import, stored: Rows) -> None:
    rows = ("a1,,view,2024-01-01", "a1,lena,signup,2024-01-02", "a2,lena,view,2024-01-03", "b,null,view,2024-01-03")
    text = "\n".join(("anon,account,event,time", *rows))
    assert imported(load(text, "-m", "distinct_id=anon", "-m", "person=account", "-f", "json"))["people"] == 2
    same = "SELECT arraySort(groupArray(distinct_id)) AS ids FROM posthog.{} GROUP BY person_id ORDER BY ids"
    assert stored(same.format("person_distinct_ids FINAL")) == [[["a1", "a2", "lena"]], [["b"]]]
    assert stored(same.format("events")) == [[["a1", "a1", "a2"]], [["b"]]]
    assert stored("SELECT is_identified FROM posthog.persons FINAL ORDER BY is_identified") == [[False], [True]]


def exported(*rows: tuple[str, str, str, dict[str, object]]) -> str:
    """A CSV as PostHog exports it."""
    out = io.StringIO()
    csv.writer(out).writerows([("distinct_id", "event", "timestamp", "properties")])
    csv.writer(out).writerows((*row[:3], json.dumps(row[3])) for row in rows)
    return out.getvalue()


def test_traits_that_events_carry(load: Import, stored: Rows) -> None:
    text = exported(
        ("a", "x", "2024-01-02", {"$set": {"email": "new@x.example", "a.b": 1}, "$set_once": {"seen": "later"}}),
        ("a", "x", "2024-01-01", {"$set": {"email": "old@x.example"}, "$set_once": {"seen": "first", "email": "no"}}),
        ("b", "x", "2024-01-01", {"$set": "no object"}),
    )
    expected = [[{"email": "new@x.example", "a.b": 1, "seen": "first"}], [{}]]
    traits = "SELECT properties FROM posthog.persons FINAL ORDER BY length(toJSONString(properties)) DESC"
    load(text)
    assert stored(traits) == expected
    load(exported(("a", "y", "2024-01-03", {"$set_once": {"seen": "never", "plan": "pro"}})))
    expected[0][0]["plan"] = "pro"
    assert stored(traits) == expected


def test_a_column_of_traits_counts_more_than_what_events_carry(load: Import, stored: Rows) -> None:
    text = 'user,event,time,properties,mail\na,x,2024-01-01,"{""$set"":{""email"":""e"",""n"":1}}",column\n'
    load(text, "-m", "person.email=mail")
    assert stored("SELECT properties FROM posthog.persons FINAL") == [[{"email": "column", "n": 1}]]


def test_ids_that_identify_names_are_one_person(load: Import, stored: Rows) -> None:
    load(
        exported(
            ("anon", "$pageview", "2024-01-01", {}),
            ("lena", "$identify", "2024-01-02", {"$anon_distinct_id": "anon", "$set": {"email": "l@x.example"}}),
            ("lena", "$create_alias", "2024-01-03", {"alias": "L-17"}),
            ("null", "$identify", "2024-01-03", {"$anon_distinct_id": "undefined"}),
            ("b", "$pageview", "2024-01-04", {}),
        )
    )
    same = "SELECT arraySort(groupUniqArray(distinct_id)) AS ids FROM posthog.{} GROUP BY person_id ORDER BY ids"
    assert stored(same.format("person_distinct_ids FINAL")) == [[["L-17", "anon", "lena"]], [["b"]], [["null"]]]
    assert stored(same.format("events")) == [[["anon", "lena"]], [["b"]], [["null"]]]
    assert stored("SELECT properties FROM posthog.persons FINAL WHERE created_at = '2024-01-01'") == [
        [{"email": "l@x.example"}]
    ]
    theirs = {"$anon_distinct_id": "anon"}
    result = load(exported(("b", "$identify", "2024-02-01", theirs), ("anon", "z", "2024-02-01", {})))
    assert "1 id that $identify names had another person already" in result.err
    persons = "SELECT toInt32(uniqExact(person_id)) FROM posthog.events WHERE distinct_id IN ('anon', 'lena')"
    assert stored(persons) == [[1]]


def test_events_of_somebody_merged_before_go_to_the_person_of_today(load: Import, stored: Rows) -> None:
    load("user,event,time,who\nphone,a,2024-01-01,lena\n", "-m", "person=who")
    load("user,event,time\nphone,b,2024-02-01\nlena,c,2024-02-02\n")
    assert stored("SELECT toInt32(uniqExact(person_id)), toInt32(count()) FROM posthog.events") == [[1, 3]]
    assert stored("SELECT toInt32(count()) FROM posthog.persons FINAL") == [[1]]


TIMES = {
    "2024-01-04T10:21:14.123456Z": "2024-01-04 10:21:14.123456",
    "2024-01-04 10:21:14+02:00": "2024-01-04 08:21:14.000000",
    "2024-01-04 10:21:14.5+00": "2024-01-04 10:21:14.500000",
    "2024-01-04 10:21": "2024-01-04 09:21:00.000000",
    "2024-07-04": "2024-07-03 22:00:00.000000",
    "2024/01/04 10:21:14": "2024-01-04 09:21:14.000000",
    "Thu, 04 Jan 2024 10:21:14 GMT": "2024-01-04 10:21:14.000000",
    "1704363674": "2024-01-04 10:21:14.000000",
    "1704363674.25": "2024-01-04 10:21:14.250000",
    "1704363674123": "2024-01-04 10:21:14.123000",
    "1704363674123456": "2024-01-04 10:21:14.123456",
    "1704363674123456789": "2024-01-04 10:21:14.123456",
}


def test_timestamps_as_they_are_written(load: Import, events: Events) -> None:
    rows = "".join(f'u{number},"{written}","{written}"\n' for number, written in enumerate(TIMES))
    load("user,event,time\n" + rows, "--timezone", "Europe/Berlin")
    assert {event: at for at, _, event, _ in events()} == TIMES


def test_parquet_keeps_its_types(load: Import, events: Events, tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "log*{a,b}?.parquet",  # to ClickHouse such a name would be a pattern
        "SELECT 7 AS user_id, 'run' AS event, TIMESTAMP '2024-07-01 10:00:00' AS time, 1.5::DECIMAL(9,2) AS cost,"
        " [1, 2] AS list, {'a': 'x'} AS struct, true AS yes, NULL::VARCHAR AS nothing, DATE '2024-01-02' AS day,"
        " TIMESTAMP_NS '2024-07-01 10:00:00.5' AS ns,"
        " TIMESTAMPTZ '2024-01-01 12:00:00+02' AS due, 'NaN'::DOUBLE AS nan, MAP {'k': 1} AS map",
    )
    assert load(file, "--timezone", "Europe/Berlin").code == 0
    assert events() == [
        [
            "2024-07-01 08:00:00.000000",
            "7",
            "run",
            {
                "cost": 1.5,
                "day": "2024-01-02",
                "due": "2024-01-01T10:00:00.000000Z",
                "list": [1, 2],
                "map": {"k": 1},
                "ns": "2024-07-01T08:00:00.500000Z",
                "struct": {"a": "x"},
                "yes": True,
            },
        ]
    ]


def test_unix_times_in_parquet(load: Import, events: Events, tmp_path: Path) -> None:
    values = "(1704363674), (1704363674123), (1704363674123456), (1704363674123456999)"
    file = parquet(tmp_path / "log.parquet", f"SELECT 1 AS uid, 'x' AS event, t AS ts FROM (VALUES {values}) AS v(t)")
    load(file)
    assert [row[0] for row in events()] == [
        "2024-01-04 10:21:14.000000",
        "2024-01-04 10:21:14.123000",
        "2024-01-04 10:21:14.123456",
        "2024-01-04 10:21:14.123456",
    ]


def test_a_column_of_objects_is_spread(load: Import, events: Events, stored: Rows) -> None:
    text = (
        "user,event,time,properties,extra\n"
        'a,x,2024-01-01,"{""$session_id"": ""s1"", ""a.b"": {""c"": [1]}, ""$ip"": ""10.0.0.1""}",1\n'
        "b,x,2024-01-01,,2\n"
        "c,x,2024-01-01,{ },3\n"
    )
    load(text)
    assert [row[3] for row in events()] == [
        {"$session_id": "s1", "a.b": {"c": [1]}, "extra": 1},
        {"extra": 2},
        {"extra": 3},
    ]
    assert stored("SELECT $session_id FROM posthog.events ORDER BY distinct_id") == [["s1"], [""], [""]]


def test_a_column_called_properties_that_holds_no_objects_is_a_property(load: Import, events: Events) -> None:
    load("user,event,time,properties,props\na,x,2024-01-01,{bad,{}\n")
    assert events()[0][3] == {"properties": "{bad"}


def test_the_visitors_address_is_not_kept(load: Import, events: Events) -> None:
    result = load("user,event,time,$ip,client_ip\na,x,2024-01-01,10.0.0.1,7\n")
    assert "left out ← $ip, client_ip" in result.err
    assert events()[0][3] == {}


def test_addresses_are_told_as_in_events_that_are_captured(load: Import, events: Events) -> None:
    """Whatever the way of a document into the store, the same of it is there."""
    text = json.dumps(SENT)
    written = [text, text.replace('"ip"', '"\\u0069p"'), json.dumps(SENT, indent=1)]
    lines = (f"u{n},x,2024-01-0{n + 1},{quoted(each)}" for n, each in enumerate(written))
    load("user,event,time,properties\n" + "\n".join(lines) + "\n")
    captured = json.loads(text)
    hide_addresses(captured)
    assert [row[3] for row in events()] == [without_none(captured)] * 3
    load("user,event,time,who,note,app_version,n\nz,x,2025-01-01,::1,a 1.2.3.4,1.2.3.4,5\n")
    assert events()[3][3] == {"note": "a 1.2.3.4", "app_version": "1.2.3.4", "n": 5}


SENT = {
    "ip": "a proxy",
    "X-Forwarded-For": "10.0.0.1, ::1",
    "remoteAddress": ["x"],
    "ipv4": 1,
    "user_ip": {"a": 1, "b": [{"by": "way of 10.0.0.1"}, [[]]]},
    "seen": "10.0.0.1:80",
    "$set": {"$initial_ip": "10.0.0.1", "plan": "pro"},
    "forwarded": True,
    "ip_count": 3,
    "deep": [{"lan": ["10.0.0.1", "fe80::1%eth0", "x"]}, "10.0.0.1"],
    "$browser_version": "10.0.0.1",
    "$host": "127.0.0.1",
    "said": 'my "ip": "10.0.0.1"',
    "at": "10:20:30",
    "zip": "1",
    "empty": "",
    '{"ip': "::1",
    'größe"_ip': "x",
}


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def without_none(value: Any) -> Any:
    return {k: without_none(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def test_rows_with_a_uuid_are_one_event_per_uuid(load: Import, stored: Rows) -> None:
    first, other = "0190a0b0-0000-7000-8000-000000000001", "0190a0b0-0000-7000-8000-000000000002"
    text = f"uuid,user,event,time\n{first},a,late,2024-01-02\n{first},a,early,2024-01-01\n{other},a,x,2024-01-03\n"
    outcome = imported(load(text, "-f", "json"))
    assert (outcome["events"], outcome["repeated"]) == (2, 1)
    again = imported(load(f"uuid,user,event,time\n{other},a,x,2029-01-03\n", "-f", "json"))
    assert (again["events"], again["known"]) == (0, 1)
    assert stored("SELECT uuid, event FROM posthog.events ORDER BY uuid") == [[first, "early"], [other, "x"]]


def test_a_dry_run_shows_all_and_writes_nothing(load: Import, data: Path) -> None:
    result = load(SHOP + ",buy,soon,,,,\n", "--dry-run", "-f", "json")
    document = json.loads(result.out)
    assert document["mapping"]["timestamp"] == "ts (by its name)"
    assert document["mapping"]["properties of their own names"] == "amount, zip, paid, note"
    assert [event["event"] for event in document["events"]] == ["signup", "buy", "buy", "buy", "buy"]
    assert document["problems"] == ["1 has no readable timestamp (line 7; such as 'soon')"]
    assert not data.exists()


def test_what_was_learnt_types_the_properties(load: Import, stored: Rows) -> None:
    load(SHOP)
    load("user,event,time,zip\na,x,2024-01-01,Berlin\n")
    types = "SELECT name, property_type, toInt32(scalar_string) FROM posthog.property_definitions FINAL ORDER BY name"
    assert stored(types) == [
        ["amount", "Numeric", 0],
        ["note", "String", 1],
        ["paid", "Boolean", 0],
        ["zip", "String", 1],
    ]


def test_the_help_begins_with_examples(cli: Cli) -> None:
    text = cli("import", "events", "--help").out
    assert text.index("usertrack import events log.csv --dry-run") < text.index("--map")
