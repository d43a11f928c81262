"""Loads what is heavy when it is first used, and not while the process forks.

What one thread was loading when another forked could never be loaded in the child: the lock of that module stays taken.
"""

import importlib
import os
import sys
import threading

_lock = threading.Lock()


def load(*names: str) -> None:
    """Load modules that are about to be imported; a fork waits until they are there."""
    if any(name not in sys.modules for name in names) or _lock.locked():
        with _lock:
            for name in names:
                importlib.import_module(name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
