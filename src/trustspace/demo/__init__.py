"""The main job, shown: two organisations exchange a table under terms that bind.

Nothing here is scripted output: each step does what its name says against two real connectors, and
checks that it came out so.
"""

from trustspace.demo.exchange import Report, Step, run

__all__ = ["Report", "Step", "run"]
