"""Catalogues of others: read page by page, and brought into an index."""
