"""Pushed deliveries: the provider writes to a sink that the consumer names."""
