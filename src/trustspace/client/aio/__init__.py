"""The async client, one module for each subject."""
