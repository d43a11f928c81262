"""The tracking plan, `tracking.yaml`: what should be tracked, by which rules; and in `scan/` how code is read.

Begin in `model.py` for what a plan is, and in `read.py` for the file. `lint/` checks a plan, `draft/` writes one,
`codegen/` makes typed functions of one, and `conform.py` checks an event against it. It may import `core` alone.
"""
