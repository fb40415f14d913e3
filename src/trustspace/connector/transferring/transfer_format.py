"""The transfer formats of this connector, as they stand in catalogues and requests.

The names are those that existing connectors use.
"""

from __future__ import annotations

PUSH = "HttpData-PUSH"
"""The provider writes to a sink that the consumer names."""

PULL = "HttpData-PULL"
"""The consumer fetches, with an endpoint and tokens that the provider gives."""
