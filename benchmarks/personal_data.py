"""How fast personal data is found and taken out of text, in one process.

Run: python benchmarks/personal_data.py [--json] [--quick]

Each text has 8 MB in UTF-8: English and Chinese prose without anything personal, the lines of a web
server's log, each with an address, customer records in which most fields are personal, and pages
of numbers that are none but look like some. The figure is megabytes of UTF-8 a second of processor
time, the fastest of the rounds. The goal is for prose: a mask over it may not be what a delivery
waits for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trustspace.personal_data.recognition import redact

if TYPE_CHECKING:
    from benchmarks._figures import Goal, finish, parser
else:
    from _figures import Goal, finish, parser

GOAL_MEGABYTES_PER_SECOND = 20.0

TEXTS = {
    "english": "It was late, and the rain fell in torrents over all the roofs of the town. ",
    "chinese": "雨整夜地下着。街上没有一个行人。只有远处的灯还亮着。这里没有任何个人信息。",
    "log": '10.0.0.7 - - [25/Nov/2026:12:30:45 +0800] "GET /roses?page=2 HTTP/1.1" 200 5120\n',
    "records": "李雷,13812345678,li.lei@example.cn,11010519491231002X,6222021234567890128\n",
    "numbers": "2026 1200 3400 5600 7800 9012 3456 1234567890 98765432109 12.5 0.75 100000\n",
}


def main() -> int:
    """Print the figures; exit with 1 when the goal is missed."""
    options = parser(__doc__).parse_args()
    size, rounds = (200_000, 2) if options.quick else (8_000_000, 3)
    found = {}
    for name, sentence in TEXTS.items():
        text = sentence * (size // len(sentence.encode()))
        fastest = min(_seconds(text) for _ in range(rounds))
        found[name] = round(len(text.encode()) / 1e6 / fastest, 1)
    prose = min(found["english"], found["chinese"])
    goal = Goal("prose_megabytes_per_second", prose, at_least=GOAL_MEGABYTES_PER_SECOND)
    return finish({"megabytes_per_second": found}, (goal,), options)


def _seconds(text: str) -> float:
    began = time.process_time()
    redact(text)
    return time.process_time() - began


if __name__ == "__main__":
    raise SystemExit(main())
