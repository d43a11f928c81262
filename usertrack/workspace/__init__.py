"""The user's folder: settings, files, and the key of pseudonyms."""
