"""Classifies people into segments and says why: rules, profiles, classification."""
