"""Stores on real files, and rows to put into them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trustspace.dsp.messages import ContractRequestMessage, TransferRequestMessage
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.model.participant import Role
from trustspace.model.value import digest
from trustspace.store import (
    AgreementRow,
    CrawlRow,
    DatasetRow,
    DecisionRow,
    DutyRow,
    IdempotencyRow,
    IndexedRow,
    OutboxRow,
    Store,
    Transaction,
)
from trustspace.store.catalogue_index import searchable
from trustspace.store.rows import NegotiationKeyRow

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
POLICY = {"@id": "urn:uuid:o", "@type": "Offer", "permission": [{"action": "use"}]}


class Maker:
    """Makes rows that differ in what a test says and are plausible in the rest."""

    now = NOW
    policy = POLICY
    policy_digest = digest(POLICY)

    def later(self, **units: float) -> datetime:
        return NOW + timedelta(**units)

    def dataset(
        self, name: str = "roses", participant: str = "garden", **columns: Any
    ) -> DatasetRow:
        values: dict[str, Any] = {
            "participant": participant,
            "id": name,
            "title": f"All of {name}",
            "offer_id": f"offer:{name}",
            "policy_digest": self.policy_digest,
            "source": {"kind": "file", "path": f"/data/{name}.csv"},
            "media_type": "text/csv",
            "forms": ("file", "table"),
            "published_at": NOW,
        }
        return DatasetRow(**{**values, **columns})

    def crawl(self, source: str = "x", participant: str = "garden", **columns: Any) -> CrawlRow:
        values: dict[str, Any] = {
            "participant": participant,
            "source": source,
            "provider": "did:web:farm",
            "parent": "",
            "cursor": "c",
            "etag": "",
            "digest": "d",
            "skipped": ({"id": "s", "reason": "r"},),
            "crawled_at": NOW,
            "changed_at": NOW,
        }
        return CrawlRow(**{**values, **columns})

    def indexed(self, name: str = "x", participant: str = "garden", **columns: Any) -> IndexedRow:
        values: dict[str, Any] = {
            "participant": participant,
            "source": name,
            "provider": "did:web:farm",
            "id": name,
            "base": "https://farm.example/dsp",
            "digest": "d",
            "body": {"id": name},
            "text": searchable("Roses", name),
        }
        return IndexedRow(**{**values, **columns})

    def agreement(
        self, agreement_id: str = "a1", participant: str = "garden", **columns: Any
    ) -> AgreementRow:
        body = {"@id": agreement_id, "@type": "Agreement", "target": "roses"}
        values: dict[str, Any] = {
            "participant": participant,
            "id": agreement_id,
            "role": Role.PROVIDER,
            "counterparty": "did:web:bank",
            "dataset_id": "roses",
            "negotiation_pid": f"n-{agreement_id}",
            "body": body,
            "digest": digest(body),
            "signed_at": NOW,
        }
        return AgreementRow(**{**values, **columns})

    def decision(self, name: str = "d", **columns: Any) -> DecisionRow:
        values: dict[str, Any] = {
            "number": 1,
            "id": name,
            "at": NOW,
            "point": "access",
            "subject": "did:web:bank",
            "dataset": "roses",
            "agreement": "a1",
            "action": "odrl:use",
            "effect": "allow",
            "code": "",
            "bundle": "sha256:b",
            "digest": "sha256:d",
            "request": "{}",
            "decision": "{}",
        }
        return DecisionRow(**{**values, **columns})

    def duty(self, name: str = "a1", participant: str = "garden", **columns: Any) -> DutyRow:
        values: dict[str, Any] = {
            "participant": participant,
            "agreement_id": name,
            "duty_id": "d1",
            "occurrence": "s",
            "action": "odrl:delete",
            "bearer": Role.CONSUMER,
            "created_at": NOW,
            "updated_at": NOW,
            "next_at": NOW,
            "message_id": f"m-{name}",
        }
        return DutyRow(**{**values, **columns})

    def key(
        self, pid: str | None = "n1", participant: str = "bank", **columns: Any
    ) -> NegotiationKeyRow:
        values: dict[str, Any] = {
            "participant": participant,
            "counterparty": "did:web:garden",
            "dataset_id": "roses",
            "purpose": "",
            "address": "http://garden.example",
            "negotiation_pid": pid,
            "agreed_pid": None,
            "asked_at": NOW,
        }
        return NegotiationKeyRow(**{**values, **columns})

    def negotiation(
        self,
        pid: str = "n1",
        *,
        peer_pid: str | None = None,
        counterparty: str = "did:web:bank",
        dataset_id: str = "roses",
        now: datetime = NOW,
    ) -> ContractNegotiation:
        message = ContractRequestMessage.read(
            {
                "@id": f"urn:uuid:{pid}",
                "@type": "ContractRequestMessage",
                "consumerPid": peer_pid or f"peer-of-{pid}",
                "callbackAddress": "https://bank.example/dsp",
                "offer": {
                    "@id": "offer:roses",
                    "@type": "Offer",
                    "target": dataset_id,
                    "permission": [
                        {
                            "action": "use",
                            "constraint": [
                                {
                                    "or": [
                                        {
                                            "leftOperand": "purpose",
                                            "operator": "isAnyOf",
                                            "rightOperand": ["research"],
                                        },
                                        {
                                            "leftOperand": "count",
                                            "operator": "lteq",
                                            "rightOperand": {"@value": "3", "@type": "xsd:integer"},
                                        },
                                    ]
                                }
                            ],
                        }
                    ],
                },
            }
        )
        return ContractNegotiation.create(
            message,
            role=Role.PROVIDER,
            own_pid=pid,
            counterparty=counterparty,
            callback_address="https://bank.example/dsp",
            now=now,
        )

    def own_request(self, pid: str = "n1") -> ContractNegotiation:
        """A negotiation that we opened as consumer, so that the peer's pid is not known yet."""
        message = ContractRequestMessage.read(
            {
                "@id": f"urn:uuid:{pid}",
                "@type": "ContractRequestMessage",
                "consumerPid": pid,
                "callbackAddress": "https://garden.example/dsp",
                "offer": {**POLICY, "target": "roses"},
            }
        )
        return ContractNegotiation.create(
            message,
            role=Role.CONSUMER,
            own_pid=pid,
            counterparty="did:web:farm",
            callback_address="https://farm.example/dsp",
            now=NOW,
        )

    def transfer(
        self, pid: str = "t1", *, agreement_id: str = "a1", now: datetime = NOW
    ) -> TransferProcess:
        message = TransferRequestMessage.read(
            {
                "@id": f"urn:uuid:{pid}",
                "@type": "TransferRequestMessage",
                "consumerPid": f"peer-of-{pid}",
                "agreementId": agreement_id,
                "format": "HttpData-PULL",
                "callbackAddress": "https://bank.example/dsp",
            }
        )
        return TransferProcess.create(
            message,
            role=Role.PROVIDER,
            own_pid=pid,
            counterparty="did:web:bank",
            callback_address="https://bank.example/dsp",
            now=now,
        )

    def answer(
        self, key: str = "k1", participant: str = "garden", **columns: Any
    ) -> IdempotencyRow:
        values: dict[str, Any] = {
            "participant": participant,
            "key": key,
            "request_digest": "sha256:1",
            "status": 201,
            "body": {"id": "x"},
            "expires_at": self.later(hours=24),
        }
        return IdempotencyRow(**{**values, **columns})

    def send(
        self,
        tx: Transaction,
        message_id: str = "m1",
        *,
        pid: str = "n1",
        participant: str = "garden",
        **columns: Any,
    ) -> OutboxRow:
        """Put a message into the outbox."""
        values: dict[str, Any] = {
            "process_kind": "negotiation",
            "process_pid": pid,
            "message_id": message_id,
            "url": "https://bank.example/dsp/negotiations/1/offers",
            "audience": "did:web:bank",
            "body": {"@id": message_id},
            "deadline": self.later(hours=1),
            "lease_owner": "worker-1",
            "lease_seconds": 30,
            "now": NOW,
        }
        return tx.outbox.add(participant, **{**values, **columns})

    def host(self, tx: Transaction, *names: str) -> None:
        """Host participants, each with the policy that the rows above name."""
        for name in names:
            tx.participants.add(
                name, did=f"did:web:{name}", address=f"https://{name}.example", now=NOW
            )
            tx.policies.put(name, POLICY)


@pytest.fixture(scope="session")
def make() -> Maker:
    return Maker()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def opened(url: str, make: Maker) -> Iterator[Callable[..., Store]]:
    """Open stores on one file, hosting two participants; closed at the end."""
    stores: list[Store] = []

    def open_one(**options: Any) -> Store:
        store = Store.open(url, **options)
        stores.append(store)
        if store.read_sync(lambda tx: tx.participants.get("garden")) is None:
            store.write_sync(lambda tx: make.host(tx, "garden", "bank"))
        return store

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[..., Store]) -> Store:
    return opened()
