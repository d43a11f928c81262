"""The user's folder: settings, files, and the key of pseudonyms.

Begin in `settings.py` for how a setting gets its value, and in `setting_specs.py` for the list of them.
It may import `library`, `render`, `plan` and `core`, and never asks a source.
"""
