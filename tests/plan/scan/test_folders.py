"""A folder of a project scanned by itself: its imports are those of the whole."""

from pathlib import Path

from usertrack.plan.scan.scan import scan_code

from .marked import lines_of_sites, marks, written


def test_a_package_imports_itself_by_its_own_name(tmp_path: Path) -> None:
    written(
        """
=== apps/utils/analytics.py
import posthog
NAME = "by_a_constant"
def track_event(user, event):
    posthog.capture(event, distinct_id=user)
=== apps/users/views.py
from apps.utils.analytics import track_event, NAME
from apps.utils import analytics
import apps.utils.analytics
track_event(1, NAME)
analytics.track_event(1, analytics.NAME)
apps.utils.analytics.track_event(1, "by_modules")
""",
        tmp_path,
    )
    sites = ["views.py:4 by_a_constant", "views.py:5 by_a_constant", "views.py:6 by_modules"]
    assert lines_of_sites(scan_code([tmp_path])) == [f"apps/users/{site}" for site in sites]
    assert lines_of_sites(scan_code([tmp_path / "apps"])) == [f"users/{site}" for site in sites]
    utils, users = tmp_path / "apps" / "utils", tmp_path / "apps" / "users"
    assert lines_of_sites(scan_code([utils, users])) == [f"users/{site}" for site in sites]


def test_aliases_are_those_of_the_configuration_above(tmp_path: Path) -> None:
    written(
        """
=== web/tsconfig.json
{"compilerOptions": {"paths": {"#app/*": ["./src/*"]}}}
=== web/src/lib/names.ts
export const NAMES = { paid: "order_paid" };
=== web/src/pages/a.ts
import posthog from "posthog-js";
import { NAMES } from "#app/lib/names";
posthog.capture(NAMES.paid);
""",
        tmp_path,
    )
    assert lines_of_sites(scan_code([tmp_path / "web" / "src"])) == ["pages/a.ts:3 order_paid"]


def test_wrappers_that_were_not_scanned_are_told(tmp_path: Path) -> None:
    files = written(
        """
=== apps/utils/analytics.py
import posthog
def track_event(event):
    posthog.capture(event)
=== apps/users/views.py
from apps.utils import analytics
from apps.utils.analytics import track_event
from sentry import track_release
track_event("by_name") #! imported from code that was not scanned
analytics.track_event("by_module") #! imported from code that was not scanned
track_event(compute())
track_release("1.0")
=== web/src/track.ts
export const trackIt = (event) => posthog.capture(event);
=== web/src/a/b.ts
import { trackIt } from "../track";
import { trackIt as trackThat } from "@/track";
import { captureThis } from "elsewhere";
trackIt("relative"); //! imported from code that was not scanned
trackThat("alias"); //! imported from code that was not scanned
captureThis("foreign");
""",
        tmp_path,
    )
    scan = scan_code([tmp_path / "apps" / "users", tmp_path / "web" / "src" / "a"])
    places = [(f"{place.file}:{place.line}", place.reason.removeprefix("it is ")) for place in scan.unresolved]
    assert (scan.sites, places) == ([], marks(files)[1])
    assert {site.event for site in scan_code([tmp_path]).sites} == {"by_name", "by_module", "relative", "alias"}


def test_wrappers_elsewhere_in_the_repository_are_followed(tmp_path: Path) -> None:
    files = """
=== web/src/components/button.tsx
import { send } from "#app/analytics";
export const Button = ({ event }) => <button onClick={() => send(event)} />;
send("not_of_the_folder");
=== packages/analytics/index.ts
import posthog from "posthog-js";
export const send = (event) => posthog.capture(`ui_${event}`);
=== web/tsconfig.json
{"compilerOptions": {"paths": {"#app/*": ["../packages/*"]}}}
=== web/src/features/page.tsx
import { Button } from "@/src/components/button";
export const Page = () => <Button event="paid" />;
=== server/shop/tracking.py
import posthog
def track_order(event):
    posthog.capture(event)
=== server/orders/views.py
from shop import (
    tracking,
)
tracking.track_order("order_paid")
"""
    written(files, tmp_path)
    web, orders = tmp_path / "web" / "src" / "features", tmp_path / "server" / "orders"
    assert lines_of_sites(scan_code([web])) == []  # in no repository
    (tmp_path / ".git").mkdir()
    assert lines_of_sites(scan_code([web])) == ["page.tsx:2 ui_paid"]
    assert lines_of_sites(scan_code([orders])) == ["views.py:4 order_paid"]
    assert lines_of_sites(scan_code([web, orders])) == [
        "server/orders/views.py:4 order_paid",
        "web/src/features/page.tsx:2 ui_paid",
    ]
    assert scan_code([web]).files == 1
