"""What the kit writes: complete messages, each with an ``@id``, members in any order.

Beside what the protocol asks for there are members that it does not know: ``constraints`` in
permissions, a ``callbackAddress`` beside an agreement, an assignee in a counter-request.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.conformance.schemas import CONTEXT

Json = dict[str, Any]

KIT = "TCK_PARTICIPANT"

DATA_ADDRESS: Json = {
    "@type": "DataAddress",
    "endpoint": "http://example.com",
    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
}


def message(kind: str, **members: Any) -> Json:
    """Return a message of a class with some members, None left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return {"@context": [CONTEXT], "@id": str(uuid4()), "@type": kind, **given}


def encoded(document: Json, order: random.Random) -> bytes:
    """Return a message as bytes, its members in some order."""
    names = list(document)
    order.shuffle(names)
    if order.random() < 0.5 and "@context" in names:
        names.remove("@context")
        names.append("@context")
    return json.dumps({name: document[name] for name in names}).encode()


def offer(offer_id: str, dataset_id: str, **members: str) -> Json:
    """Return an offer inside a message."""
    return {
        "@type": "Offer",
        "@id": offer_id,
        "permission": [{"action": "use", "constraints": []}],
        "target": dataset_id,
        **members,
    }


def agreement(dataset_id: str, assignee: str) -> Json:
    """Return an agreement of now, to the nanosecond."""
    now = datetime.now(UTC)
    return {
        "@type": "Agreement",
        "@id": str(uuid4()),
        "target": dataset_id,
        "permission": [{"action": "use", "constraints": []}],
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S.%f}461Z",
        "assignee": assignee,
        "assigner": KIT,
    }
