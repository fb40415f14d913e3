"""The SDK against a running connector: one set of operations, a sync and an async client.

Example::

    from trustspace.client import Client

    with Client.of_home("bank-home") as client:
        agreement = client.negotiate(address, "rose-prices", purpose="credit-scoring")

Names load on first use, so that the command line starts quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustspace.client.async_client import AsyncClient
    from trustspace.client.bound import AsyncBoundAgreement, BoundAgreement
    from trustspace.client.client import Client
    from trustspace.client.crawled import Crawl, CrawledCatalog, IndexSource
    from trustspace.client.diagnosis import Diagnosis, Finding, MessagePage, TracedMessage
    from trustspace.client.duty import Duty, Evidence
    from trustspace.client.haggling import (
        Accept,
        Approval,
        Counter,
        CounterOffer,
        PolicyChange,
        Reject,
    )
    from trustspace.client.handles.async_handle import AsyncHandle
    from trustspace.client.handles.handle import Handle
    from trustspace.client.quota import Quota
    from trustspace.client.rules import (
        DecisionRecord,
        RuleChange,
        RuleComparison,
        RuleRefusal,
        RulesInForce,
    )
    from trustspace.client.term_label import TermLabel
    from trustspace.client.values import (
        Agreement,
        CatalogView,
        Column,
        CounterpartyFacts,
        DatasetInfo,
        Event,
        Explanation,
        Negotiation,
        OfferedDataset,
        ParticipantInfo,
        Saved,
        Transfer,
    )
    from trustspace.client.watermark import WatermarkFinding, WatermarkSearch

__all__ = [
    "Accept",
    "Agreement",
    "Approval",
    "AsyncBoundAgreement",
    "AsyncClient",
    "AsyncHandle",
    "BoundAgreement",
    "CatalogView",
    "Client",
    "Column",
    "Counter",
    "CounterOffer",
    "CounterpartyFacts",
    "Crawl",
    "CrawledCatalog",
    "DatasetInfo",
    "DecisionRecord",
    "Diagnosis",
    "Duty",
    "Event",
    "Evidence",
    "Explanation",
    "Finding",
    "Handle",
    "IndexSource",
    "MessagePage",
    "Negotiation",
    "OfferedDataset",
    "ParticipantInfo",
    "PolicyChange",
    "Quota",
    "Reject",
    "RuleChange",
    "RuleComparison",
    "RuleRefusal",
    "RulesInForce",
    "Saved",
    "TermLabel",
    "TracedMessage",
    "Transfer",
    "WatermarkFinding",
    "WatermarkSearch",
]

_MODULES = {
    "Reject": "haggling",
    "PolicyChange": "haggling",
    "Quota": "quota",
    "CounterOffer": "haggling",
    "Counter": "haggling",
    "Approval": "haggling",
    "Accept": "haggling",
    "AsyncBoundAgreement": "bound",
    "AsyncClient": "async_client",
    "AsyncHandle": "handles.async_handle",
    "BoundAgreement": "bound",
    "Client": "client",
    "Crawl": "crawled",
    "CrawledCatalog": "crawled",
    "DecisionRecord": "rules",
    "Diagnosis": "diagnosis",
    "Duty": "duty",
    "Evidence": "duty",
    "Finding": "diagnosis",
    "Handle": "handles.handle",
    "IndexSource": "crawled",
    "MessagePage": "diagnosis",
    "RuleChange": "rules",
    "RuleComparison": "rules",
    "RuleRefusal": "rules",
    "RulesInForce": "rules",
    "TermLabel": "term_label",
    "WatermarkFinding": "watermark",
    "WatermarkSearch": "watermark",
    "TracedMessage": "diagnosis",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'values')}"), name)
    globals()[name] = value
    return value
