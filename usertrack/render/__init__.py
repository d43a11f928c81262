"""Turns documents into text, Markdown, HTML and pages, and tables into files: csv, json, parquet, xlsx.

Begin in `terminal.py` and `html.py`, and in `cells.py` for a value as people read it; `safe.py` makes texts harmless.
It may import `core` alone: a document is data of `core/document.py`, whatever it is about.
"""
