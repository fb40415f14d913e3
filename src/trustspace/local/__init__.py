"""A connector and its client in one process: the whole of trustspace in a ``with`` block."""

from trustspace.local.connector import Connector

__all__ = ["Connector"]
