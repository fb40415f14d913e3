"""Where the connector asks policy, and with which facts."""
