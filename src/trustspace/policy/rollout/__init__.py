"""Other rules than the shipped ones: how they are packed, signed, checked and tried out.

A *rule module* is one archive with everything that belongs together: the Rego sources, the compiled
module, the base data, the cases that its author wrote, and, where it is signed, the signature.
"""
