"""What is read from the folder of the user: settings, files, the key of pseudonyms."""
