"""The only outgoing connections: a guarded HTTP client, DID resolution, discovery.

Strangers choose many of the addresses that a connector calls. Everything here therefore passes one
guard, has a deadline and a size limit, and follows nothing that it was not told to.
"""
