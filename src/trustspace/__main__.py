"""``python -m trustspace``."""

from __future__ import annotations

from trustspace.cli.app import main

if __name__ == "__main__":
    main()
