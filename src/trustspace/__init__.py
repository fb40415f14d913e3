"""trustspace: publish data under a policy, agree, exchange, prove it.

Example::

    import trustspace as ts

    with ts.Connector.local("garden") as provider, ts.Connector.local("bank") as bank:
        provider.publish("roses.parquet", id="rose-prices", terms=ts.terms(purpose="credit"))
        agreement = bank.negotiate(provider.address, "rose-prices", purpose="credit")
        with agreement.open() as data:
            frame = data.to_polars()

Names are imported on first use, so that importing one part does not load the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trustspace._version import __version__

if TYPE_CHECKING:
    from trustspace.client import Accept, AsyncClient, Client, Counter, CounterOffer, Reject
    from trustspace.errors import (
        ConfigurationError,
        IntegrityError,
        NotFoundError,
        PolicyDeniedError,
        PolicyError,
        ProtocolError,
        TransportError,
        TrustspaceError,
        UnsupportedTermError,
    )
    from trustspace.local import Connector
    from trustspace.policy.explain import explain
    from trustspace.policy.terms import terms

__all__ = [
    "Accept",
    "AsyncClient",
    "Client",
    "ConfigurationError",
    "Connector",
    "Counter",
    "CounterOffer",
    "IntegrityError",
    "NotFoundError",
    "PolicyDeniedError",
    "PolicyError",
    "ProtocolError",
    "Reject",
    "TransportError",
    "TrustspaceError",
    "UnsupportedTermError",
    "__version__",
    "explain",
    "terms",
]

_HOME = {
    "Accept": "trustspace.client",
    "Counter": "trustspace.client",
    "CounterOffer": "trustspace.client",
    "Reject": "trustspace.client",
    "AsyncClient": "trustspace.client",
    "Client": "trustspace.client",
    "Connector": "trustspace.local",
    "explain": "trustspace.policy.explain",
    "terms": "trustspace.policy.terms",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    try:
        module = importlib.import_module(_HOME.get(name, "trustspace.errors"))
    except ModuleNotFoundError as error:
        if name == "Connector" and not (error.name or "").startswith("trustspace"):
            from trustspace.errors import MissingDependencyError  # noqa: PLC0415 - lazy by design

            raise MissingDependencyError("Running a connector", extra="connector") from error
        raise
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
