"""The former name of `usertrack_track`, which is a distribution of its own: it goes with the next release."""

import runpy
import sys
import warnings

try:
    from usertrack_track import *  # noqa: F403 - type checkers do not see what is done below
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "usertrack.track is a package of its own: in usertrack's checkout, "
        "`pip install './packages/track[posthog,psycopg]'`",
        name=error.name,
    ) from None

warnings.warn("usertrack.track is now usertrack_track: import that", DeprecationWarning, stacklevel=2)
for name, module in list(sys.modules.items()):  # so that what has state is one under both names
    if name.partition(".")[0] == "usertrack_track":
        sys.modules[name.replace("usertrack_track", __name__, 1)] = module

if __name__ == "__main__":
    runpy.run_module("usertrack_track", run_name="__main__")
