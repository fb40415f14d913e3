"""Terms that a command takes from a file.

Example::

    read_terms_file(Path("terms.json"))  # {"purpose": "credit-scoring", "count": 3}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

TERMS_HELP = "JSON file: an ODRL policy or the keyword arguments of terms()."


def read_terms_file(path: Path) -> dict[str, Any]:
    """Return the terms in a file.

    Raises:
        ConfigurationError: It is no JSON object.
    """
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        msg = f"{path} is not JSON: {error}"
        raise ConfigurationError(msg, setting="--terms") from error
    if not isinstance(document, dict):
        msg = f"{path} holds a {type(document).__name__}, not an object"
        raise ConfigurationError(msg, setting="--terms")
    return document
