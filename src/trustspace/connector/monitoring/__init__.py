"""Watching what has begun: live transfers are decided again when something may have changed."""
