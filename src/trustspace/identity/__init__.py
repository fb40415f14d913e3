"""Who speaks: keys, DIDs and tokens. Everything here is verification without I/O.

``now`` is always an argument and DID documents are handed in; fetching them is the work of
`trustspace.transport`. The rules follow the Decentralized Claims Protocol 1.0, "Self-Issued ID
Token", with stricter limits where the protocol leaves them open.
"""
