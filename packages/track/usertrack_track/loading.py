"""Loads what is heavy when it is first used, and not while the process forks.

What one thread was loading when another forked could never be loaded in the child: the lock of that module stays taken.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading

before_forks = threading.Lock()
"""A fork waits for who holds it."""


def load(name: str) -> None:
    """Load a module that is about to be imported; a fork waits until it is there."""
    if name not in sys.modules or before_forks.locked():
        with before_forks:
            importlib.import_module(name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=before_forks.acquire, after_in_parent=before_forks.release, after_in_child=before_forks.release
    )
