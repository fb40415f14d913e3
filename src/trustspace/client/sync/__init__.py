"""The sync client, one module for each subject."""
