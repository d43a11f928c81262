"""Classifies people into segments and says why: rules, profiles, classification.

Begin in `rules.py` for segments.yaml, in `profiles.py` for the facts of a person, and in `classify.py` for who is in.
It may import `engine` and what lies below, but not `product` or `insights` beside it.
"""
