"""Transfer processes of both roles: requests, steps, suspension, tokens."""
