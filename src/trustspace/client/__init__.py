"""The SDK against a running connector: one set of operations, a sync and an async client."""
