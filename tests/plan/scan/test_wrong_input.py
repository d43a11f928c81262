"""Files that are broken, foreign, huge or oddly named: the rest is scanned, and what was not read is told."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from usertrack.core.errors import UsageError
from usertrack.plan.scan.extraction import parser_for
from usertrack.plan.scan.scan import scan_code
from usertrack.plan.scan.site import Scan

from ...conftest import Cli, problem

IMPORT = 'import posthog from "posthog-js";\n'


def names(scan: Scan) -> list[str | None]:
    return [site.event for site in scan.sites]


def reasons(scan: Scan) -> dict[str, str]:
    return {place.file: place.reason for place in scan.unresolved}


def test_what_does_not_parse_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text(IMPORT + 'posthog.capture("before");\nconst = = ;\nposthog.capture("after");\n')
    (tmp_path / "b.ts").write_text(IMPORT + 'posthog.capture("other");\n')
    scan = scan_code([tmp_path])
    assert names(scan) == ["before", "after", "other"]
    (broken,) = scan.unresolved
    assert (broken.file, broken.line) == ("a.ts", 3)
    assert broken.reason == "this line could not be parsed; the rest of the file was read"


def test_an_ampersand_in_a_text_of_jsx_is_right(tmp_path: Path) -> None:
    (tmp_path / "a.tsx").write_text(
        IMPORT + "const A = ({ event }) => <i onClick={() => posthog.capture(event)}>Q&A {x} B & C</i>;\n"
        'export const B = <p>Help & Feedback<img src="/?a=1&b=0" /><A event="Q&amp;A & more" /></p>;\n'
    )
    scan = scan_code([tmp_path])
    assert (names(scan), scan.unresolved) == (["Q&A & more"], [])


@pytest.mark.parametrize(
    ("file", "source", "event"),
    [
        ("a.ts", r'"caf\u00e9 \x41\u{1F600} \'\d"', "caf\u00e9 A\U0001f600 'd"),
        ("a.ts", r'"\uD83D\uDE00 \uD83D"', "\U0001f600 \ufffd"),
        ("a.ts", "'signed\\\n_up'", "signed_up"),
        ("a.ts", r"`caf\u00e9`", "caf\u00e9"),
        ("a.py", r"'caf\u00e9 \xe9 \101 \N{BULLET} \' \d'", "caf\u00e9 \u00e9 A \u2022 ' \\d"),
        ("a.py", r"r'\u00e9'", r"\u00e9"),
        ("a.py", r"f'\u00e9 {{x}}'", "\u00e9 {x}"),
    ],
)
def test_escapes_are_what_they_mean(file: str, source: str, event: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(f"{'import posthog' if file == 'a.py' else IMPORT}\nposthog.capture({source})\n")
    assert names(scan_code([tmp_path])) == [event]


def test_tests_by_their_ending(tmp_path: Path) -> None:
    for name in ("a.clienttest.tsx", "a.servertest.ts", "a.latest.ts"):
        (tmp_path / name).write_text(f'posthog.capture("{name}")')
    assert names(scan_code([tmp_path])) == ["a.latest.ts"]


@pytest.mark.parametrize(
    "content",
    [
        IMPORT.replace("\n", "\r\n").encode() + b'posthog.capture("\xc3\xa4", {\r\n  plan });\r\n',
        b"\xef\xbb\xbf" + IMPORT.encode() + 'posthog.capture("ä", {plan})'.encode(),
        IMPORT.encode() + 'posthog.capture("ä", {plan})'.encode("latin-1"),
        (IMPORT + 'posthog.capture("ä", {plan})').encode("utf-16"),
    ],
    ids=["crlf", "bom", "latin-1", "utf-16"],
)
def test_encodings(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(content)
    (site,) = scan_code([tmp_path]).sites
    assert (site.event, site.line, [p.name for p in site.properties]) == ("ä", 2, ["plan"])


def test_a_declared_encoding_of_python(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes('# coding: cp1251\nimport posthog\nposthog.capture("me", "Ж")\n'.encode("cp1251"))
    assert names(scan_code([tmp_path])) == ["Ж"]


@pytest.mark.parametrize("encoding", ["hex", "undefined", "nonesuch"])
def test_an_encoding_that_no_text_has(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(
        f'# coding: {encoding}\nimport posthog\nposthog.capture("me", "'.encode() + b'\xff")\n'
    )
    (tmp_path / "b.js").write_text('posthog.capture("other")')
    scan = scan_code([tmp_path])
    assert names(scan) == ["other"]
    assert reasons(scan) == {"a.py": f"it cannot be read in the encoding that it declares, '{encoding}'"}


def test_minified_and_huge_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("/*!\n * a license\n * of lines\n */\n" + IMPORT + 'posthog.capture("a");' * 1000)
    (tmp_path / "huge.js").write_text(IMPORT + 'posthog.capture("huge");\n' * 50_000)
    scan = scan_code([tmp_path])
    assert not scan.sites
    assert reasons(scan) == {
        "a.js": "it is minified: most of its lines have more than 500 characters",
        "huge.js": "it is larger than 1 MB",
    }


def test_a_picture_in_a_text_is_not_minified(tmp_path: Path) -> None:
    logo = f'const logo = "data:image/png;base64,{"iVBO" * 15_000}";\n'
    (tmp_path / "a.tsx").write_text(IMPORT + logo + "const a = 1;\n" * 80 + 'posthog.capture("seen");\n')
    assert names(scan_code([tmp_path])) == ["seen"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[\n" * 60_000, "this line could not be parsed; the rest of the file was read"),
        ("[\n" * 20_000 + "]" * 20_000 + ")", "it is nested too deeply to be read"),
    ],
    ids=["open", "closed"],
)
def test_endless_nesting_is_told(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "deep.js").write_text("posthog.capture(" + text)
    (tmp_path / "a.js").write_text('posthog.capture("shallow")')
    scan = scan_code([tmp_path])
    assert names(scan) == ["shallow"]
    assert reasons(scan) == {"deep.js": reason}


def test_folders_that_may_be_of_the_product_are_read_or_told(tmp_path: Path) -> None:
    for folder in ("vendors", "stories", "vendor/x", "fixtures", "tests", "node_modules", "env/lib"):
        (tmp_path / "app" / folder).mkdir(parents=True)
        (tmp_path / "app" / folder / "a.js").write_text(f'posthog.capture("{folder}")')
    (tmp_path / "app" / "mocks").mkdir()
    (tmp_path / "app" / "mocks" / "data.json").write_text("{}")
    (tmp_path / "app" / "env" / "pyvenv.cfg").write_text("")
    scan = scan_code([tmp_path])
    assert names(scan) == ["stories", "vendors"]
    assert list(reasons(scan)) == ["app/fixtures", "app/vendor"]
    assert "scan it by a path of its own" in reasons(scan)["app/vendor"]
    assert names(scan_code([tmp_path, tmp_path / "app" / "vendor"])) == ["stories", "vendor/x", "vendors"]


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):  # the system takes paths of 4 096 bytes, even of root
        os.mkdir("x" * 250, dir_fd=folder)
        outer, folder = folder, os.open("x" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(outer)
    os.close(folder)
    (tmp_path / "a.js").write_text('posthog.capture("beside")')
    scan = scan_code([tmp_path])
    assert names(scan) == ["beside"]
    assert list(reasons(scan).values()) == ["it cannot be read: File name too long"]


def test_a_link_neither_counts_twice_nor_leads_out(tmp_path: Path) -> None:
    outside, code = tmp_path / "outside", tmp_path / "code"
    outside.mkdir()
    code.mkdir()
    (outside / "secret.js").write_text('posthog.capture("secret")')
    (code / "a.js").write_text('posthog.capture("once")')
    (code / "b.js").symlink_to("a.js")
    (code / "c.js").symlink_to(outside / "secret.js")
    (code / "lib").symlink_to(outside)
    (code / "text.txt").write_text('posthog.capture("by_another_name")')
    (code / "d.js").symlink_to("text.txt")
    scan = scan_code([code])
    assert names(scan) == ["once", "by_another_name"]
    assert reasons(scan) == dict.fromkeys(("c.js", "lib"), "it is a link out of what is scanned, and is not followed")


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('posthog.capture("once")')
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "self.js").symlink_to(tmp_path / "self.js")
    assert names(scan_code([tmp_path])) == ["once"]


def test_an_import_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "track.js").write_text("export const send = (name) => posthog.capture(name);")
    (tmp_path / "track.js").symlink_to("lib/track.js")
    (tmp_path / "a.js").write_text('import { send as tell } from "./track";\ntell("linked");')
    assert names(scan_code([tmp_path])) == ["linked"]


def test_imports_and_wrappers_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('export * from "./b";\nexport const f = (e) => g(e);\nf("round");\n')
    (tmp_path / "b.js").write_text('export * from "./a";\nexport const g = (e) => { posthog.capture(e); f(e); };\n')
    (tmp_path / "c.js").write_text('import { g } from "./a";\ng("through");\nlet x = y, y = x;\nposthog.capture(x);\n')
    assert {site.event for site in scan_code([tmp_path]).sites} >= {"through"}


def test_odd_names_of_files(tmp_path: Path) -> None:
    for name in ("-rf.js", "[id] (x).js", "a b\n.js"):
        (tmp_path / name).write_text('posthog.capture("odd")')
    raw = os.fsencode(tmp_path) + b"/\xff.js"
    Path(os.fsdecode(raw)).write_text('posthog.capture("raw")')
    scan = scan_code([tmp_path])
    assert sorted(str(name) for name in names(scan)) == ["odd", "odd", "odd", "raw"]
    assert json.dumps([site.file for site in scan.sites]).isascii()
    assert "\ufffd.js" in [site.file for site in scan.sites]


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.js").symlink_to("a.js")
    (tmp_path / "package.json").symlink_to("nowhere")
    os.mkfifo(tmp_path / "b.js")
    assert reasons(scan_code([tmp_path])) == {
        "a.js": "it cannot be read: Too many levels of symbolic links",
        "b.js": "it is not a file of text",
        "package.json": "it cannot be read: No such file or directory",
    }


def test_several_paths_are_one_program(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "lib" / "track.js").write_text("export const track = (e) => posthog.capture(e);")
    (tmp_path / "app" / "a.js").write_text('import { track } from "../lib/track";\ntrack("joined");')
    (site,) = scan_code([tmp_path / "lib", tmp_path / "app" / "a.js"]).sites
    assert (site.event, site.file) == ("joined", "app/a.js")


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    wrong = problem(lambda: scan_code([tmp_path / "nowhere"]))
    assert isinstance(wrong, UsageError)
    assert wrong.message.endswith("nowhere' does not exist")


def test_without_the_parsers(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    parser_for.cache_clear()
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    result = cli("plan", "scan")
    assert result.code == 2
    assert "the extra `plan`, which is not installed" in result.err
    assert "[local,plan" in result.err


def test_many_files(tmp_path: Path) -> None:
    (tmp_path / "track.ts").write_text(IMPORT + "export const track = (e: string) => posthog.capture(e);")
    for number in range(40):
        text = f'import {{ track }} from "./track";\ntrack("event_{number % 7}");\n' + "const filler = [1, 2];\n" * 4
        (tmp_path / f"file{number}.ts").write_text(text)
    scan = scan_code([tmp_path])
    assert len(scan.sites) == 40
    assert len({site.event for site in scan.sites}) == 7


def test_nothing_sent_is_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print('hello')\n")
    result = cli("plan", "scan", tmp_path)
    assert result.code == 0
    assert "Nothing here sends an event" in result.out
    assert "0 events" in result.out


def test_hostile_texts_are_data(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('posthog.capture("[red]x\\u001b[31m [/]", {"[b]": 1});\n')
    result = cli("plan", "scan", tmp_path)
    assert result.code == 0
    assert "[red]x" in result.out
    assert "\x1b[31m" not in result.out


@pytest.mark.parametrize("width", [80, 120])
def test_looks(cli: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path, width: int) -> None:
    clean_env.setenv("COLUMNS", str(width))
    (tmp_path / "a.ts").write_text(IMPORT + 'posthog.capture("signed_up", { plan, ...(x && { seats }) });\n')
    (tmp_path / "b.ts").write_text(IMPORT + 'posthog.capture("signed_up", { plan });\nposthog.capture(computed());\n')
    lines = cli("plan", "scan", tmp_path).out.splitlines()
    assert max(map(len, lines)) <= width
    assert re.search(r"1 event · 2 places · 1 not resolved · 2 files · \d+\.\d s", "\n".join(lines))
    text = " ".join(" ".join(lines).split())
    assert "a.ts:2 · b.ts:2" in text
    assert "plan, seats?" in text
    assert "it is what a function returns" in text


def test_json_has_the_shape_that_is_documented(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        'import posthog\n\ndef track(name, plan=None):\n    posthog.capture("me", name, {"plan": plan})\n\n\n'
        'track("paid")\nposthog.capture("me", f"left_{why}")\nposthog.capture("me", why())\n'
    )
    document = json.loads(cli("plan", "scan", tmp_path, "--format", "json").out)
    assert list(document) == ["sites", "unresolved", "profiles", "partial", "files", "seconds"]
    assert document["sites"] == [
        {
            "event": "paid",
            "pattern": None,
            "file": "a.py",
            "line": 7,
            "sink": "posthog.capture",
            "chain": ["track"],
            "properties": [{"name": "plan", "always": True}],
        },
        {
            "event": None,
            "pattern": "left_*",
            "file": "a.py",
            "line": 8,
            "sink": "posthog.capture",
            "chain": [],
            "properties": [],
        },
    ]
    assert document["unresolved"] == [
        {
            "file": "a.py",
            "line": 9,
            "sink": "posthog.capture",
            "reason": "it is what a function returns",
            "instead": None,
        }
    ]
    assert document["files"] == 1


@pytest.mark.parametrize(
    ("call", "entry"),
    [
        ('platform.analytics?.logEvent({ kind: 1, type: "paid", platform: "web" })', "{PLATFORM, keyword: type}"),
        ('this.platform.analytics.logEvent("paid", { platform: "web" })', "{PLATFORM, position: 0}"),
        ('platform.analytics.logEvent(user, "paid", { platform: "web" })', "{PLATFORM, position: 1}"),
        ('useUsage().track("paid", { platform: "web" })', "{call: track, position: 0}"),
    ],
)
def test_a_call_on_something_unknown_is_told_with_the_sink_that_reads_it(
    call: str, entry: str, cli: Cli, tmp_path: Path
) -> None:
    entry = entry.replace("PLATFORM", "call: platform.analytics.logEvent")
    (tmp_path / "a.ts").write_text(f'import {{ platform }} from "platform";\n{call};\n')
    (place,) = scan_code([tmp_path]).unresolved
    assert (place.line, place.instead) == (2, f"if it sends events, write `{entry}` under `sinks:`")
    plan = tmp_path / "tracking.yaml"
    plan.write_text(f"events: {{}}\nsinks:\n- {entry}\n")
    sites = json.loads(cli("plan", "scan", str(tmp_path), "--plan", str(plan), "-f", "json").out)["sites"]
    assert [(site["event"], site["line"]) for site in sites] == [("paid", 2)]
    assert {"name": "platform", "always": True} in sites[0]["properties"]


def test_a_file_that_is_no_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Shop")
    with pytest.raises(UsageError, match=r"README.md' is no source code"):
        scan_code([tmp_path / "README.md"])


def test_the_plan_names_calls_that_a_scan_cannot_see(cli: Cli, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text(
        "from billing import telemetry\n\n"
        'telemetry.emit("me", "invoiced", {"sum": 1})\n'
        'telemetry.log(name="refunded", reason="x")\n'
        'telemetry.step("one")\n'
        "def wrapper(name):\n    telemetry.step(name)\n\n\nwrapper('two')\n"
    )
    (code / "b.ts").write_text('import { telemetry } from "billing";\ntelemetry.log({ name: "voided" });\n')
    plan = tmp_path / "tracking.yaml"
    plan.write_text(
        "events: {}\nsinks:\n- {call: telemetry.emit, position: 1}\n- {call: telemetry.log, keyword: name}\n"
        "wrappers:\n- {call: step, position: 0, prefix: step_}\n"
    )
    document = json.loads(cli("plan", "scan", code, "--plan", plan, "--format", "json").out)
    assert [(site["event"], site["line"]) for site in document["sites"]] == [
        ("invoiced", 3),
        ("refunded", 4),
        ("step_one", 5),
        ("step_two", 10),
        ("voided", 2),
    ]
    assert [p["name"] for site in document["sites"] for p in site["properties"]] == ["sum", "reason"]
