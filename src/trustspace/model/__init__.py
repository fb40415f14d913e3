"""Values of the field: participants, datasets, policies, data addresses.

Every value is a frozen pydantic model with the Dataspace Protocol's names as wire aliases. Members
that the specification does not know survive a round trip, because real peers add their own.
"""
