"""What ships for tests: the connector under test of a conformance kit, `trustspace.testing.tck`.

Nothing here is part of the service: no setting of it leads here.
"""
