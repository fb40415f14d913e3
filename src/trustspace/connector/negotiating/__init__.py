"""The way to an agreement, from both sides: requests, offers, approvals, reuse."""
