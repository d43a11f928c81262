"""A funnel, weekly retention and transitions by pandas and retentioneering, on events in memory. Run by analytics.py.

Both funnels are ordered, counted per user; retentioneering's knows no window. It has no cohorts since version 5, so its
transitions from event to event stand beside `journeys`. It reports what is done with it; here it may not.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd


def pandas_funnel(events: pd.DataFrame, steps: Sequence[str], window: int) -> list[int]:
    """Users per step: each first step opens an attempt, whose next steps are each the first one after."""
    first = events[events.event == steps[0]][["user_id", "timestamp"]].sort_values("timestamp")
    attempts, counts = first.assign(at=first.timestamp), [first.user_id.nunique()]
    for step in steps[1:]:
        later = events[events.event == step][["user_id", "timestamp"]].sort_values("timestamp")
        attempts = pd.merge_asof(
            attempts.sort_values("at"),
            later.rename(columns={"timestamp": "next"}),
            left_on="at",
            right_on="next",
            by="user_id",
            direction="forward",
            allow_exact_matches=False,
        )
        within = attempts.next - attempts.timestamp <= pd.Timedelta(seconds=window)
        attempts = attempts[within].assign(at=attempts.next).drop(columns="next")
        counts.append(attempts.user_id.nunique())
    return counts


def pandas_retention(events: pd.DataFrame) -> pd.DataFrame:
    """Users by week of their first event and weeks since."""
    weeks = events.assign(week=events.timestamp.dt.tz_localize(None).dt.to_period("W").astype("int64"))
    weeks = weeks[["user_id", "week"]].drop_duplicates()
    weeks["cohort"] = weeks.groupby("user_id").week.transform("min")
    weeks["later"] = weeks.week - weeks.cohort
    return weeks.pivot_table(index="cohort", columns="later", values="user_id", aggfunc="nunique")


def main() -> None:
    parameters: dict[str, Any] = json.loads(sys.argv[1])
    events = pd.read_parquet(parameters["file"])
    steps, window = parameters["steps"], parameters["window"]
    contestants: dict[str, Callable[[], object]] = {
        "pandas, funnel": lambda: pandas_funnel(events, steps, window),
        "pandas, retention": lambda: pandas_retention(events),
    }
    os.environ["RETENTIONEERING_NO_TRACK"] = "1"
    try:
        from retentioneering import Eventstream
    except ImportError as error:
        print(f"  retentioneering is not there: {error}")
    else:
        columns = {"path_cols": ["user_id"], "event_col": "event", "timestamp_col": "timestamp"}
        stream = Eventstream(events, schema=columns)
        contestants |= {
            "retentioneering, funnel": lambda: stream.funnel_data(steps=list(steps)),
            "retentioneering, journeys": lambda: stream.transition_graph_data(),
        }
    for name, work in contestants.items():
        times = []
        for _ in range(parameters["rounds"]):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        print(f"  {name:26}{statistics.median(times):8.2f}s", flush=True)


if __name__ == "__main__":
    main()
