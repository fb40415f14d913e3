"""Bytes under an agreement: where they come from, what is taken out, how they leave and arrive.

Import from the modules: ``source`` (files), ``proxied`` (HTTP URLs), ``table`` and ``restriction``
(rows, filters, masks), ``edr`` (tokens for one transfer), ``pull`` (serving a request), ``sink``
(receiving a file), ``arrow_stream`` and ``table_sink`` (receiving rows).
"""
