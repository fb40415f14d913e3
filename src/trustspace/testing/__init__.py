"""What ships for tests.

`trustspace.testing.pytest` is a plugin of pytest for projects with policies of their own,
`trustspace.testing.strategies` makes policies for Hypothesis, `trustspace.testing.clock` is a clock
that can be put forward, `trustspace.testing.keys` has keys in memory and a provider that lends one;
`trustspace.testing.tck` is the connector under test of a conformance kit.

Nothing here is part of the service: no setting of it leads here.
"""
