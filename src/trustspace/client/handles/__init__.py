"""Governed handles: the data of an agreement, as it is delivered or as it is kept."""
