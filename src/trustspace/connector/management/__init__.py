"""The management API, one module for each subject."""
