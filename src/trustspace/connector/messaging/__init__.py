"""Messages in and out: protocol endpoints, identity, dialects, sending, tracing."""
