"""Uses of what was delivered to this side: decided here as well, counted, recorded."""
