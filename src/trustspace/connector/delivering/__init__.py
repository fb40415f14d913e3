"""Data as it leaves: grants, gates, responses, calls of interfaces."""
