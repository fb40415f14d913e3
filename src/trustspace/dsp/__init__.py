"""The Dataspace Protocol 2025-1 without I/O: messages, wire form, state machines, endpoints.

Nothing here opens a socket or reads a clock. ``messages`` names what is said, ``wire`` reads and
writes it, ``negotiation`` and ``transfer`` say what may be said when, ``binding`` where it goes.
"""
