"""What a client keeps of deliveries, and the handles that use it.

It lies in a folder on the client's own machine: for the client of a home in that home, where the
connector deletes it when its duties say so, else in the folder that the program names.

Example::

    kept = KeptData(Path("bank-home"))
    store = kept.store(info)   # bank-home/sealed/main, wrapped by bank-home/keys/main.sealing
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from trustspace.client.handles import keeping
from trustspace.client.handles.handle import Handle
from trustspace.client.handles.kept_handle import KeptHandle
from trustspace.client.handles.use_gate import UseGate
from trustspace.client.operations.using import UseLease, UseRequest
from trustspace.errors import ConfigurationError, NotFoundError
from trustspace.usage.sealed_home import SealedHome

if TYPE_CHECKING:
    import os

    from trustspace.client.handles.keeping import Form, Kept
    from trustspace.client.operations import Operations
    from trustspace.client.pull import DataEndpoints, Drive
    from trustspace.usage.sealed_store import SealedStore


class KeptData:
    """The sealed stores of one client.

    Args:
        folder: A home, or a folder of the program's own; None where nothing is kept.
    """

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._stores: dict[str, SealedStore] = {}
        self._lock = threading.Lock()

    def store(self, name: str, participant: str) -> SealedStore:
        """Return the sealed store of a participant.

        Args:
            name: Its short name.
            participant: Its id.

        Raises:
            ConfigurationError: This client keeps nothing.
        """
        if self._folder is None:
            raise ConfigurationError(
                "this client has no folder for what is kept",
                setting="sealed",
                hint="give sealed=FOLDER, or make the client of the home of its connector",
            )
        with self._lock:
            if name not in self._stores:
                home = SealedHome(self._folder)
                self._stores[name] = home.store(name, participant=participant)
            return self._stores[name]

    def close(self) -> None:
        """Overwrite the keys in memory; what is open stops."""
        with self._lock:
            while self._stores:
                self._stores.popitem()[1].close()


class Keeper:
    """Keeps and uses deliveries for one client.

    Args:
        drive: Runs operations against the own connector.
        operations: The operations, in the consumer's name.
        endpoints: Connections to data endpoints.
        data: What is kept.
    """

    def __init__(
        self, drive: Drive, operations: Operations, endpoints: DataEndpoints, data: KeptData
    ) -> None:
        self._drive = drive
        self._operations = operations
        self._endpoints = endpoints
        self._data = data

    def keep(self, agreement: str, *, purpose: str | None, action: str, form: Form | None) -> Kept:
        """Have the data delivered into the sealed store; see `Client.keep`."""
        store = self._store()
        handle = Handle(
            agreement,
            drive=self._drive,
            operations=self._operations,
            endpoints=self._endpoints,
            purpose=purpose,
            action=action,
        )

        def decided(columns: tuple[str, ...]) -> UseLease:
            wanted = UseRequest(
                session=f"keep:{handle.session}",
                action=action,
                purpose=purpose,
                columns=columns,
                counted=False,
            )
            return self._drive(self._operations.use(agreement, wanted))

        with handle:
            return keeping.keep(handle.delivery, store, decided, form=form)

    def kept(self, agreement: str) -> Kept | None:
        """Return what is kept; see `Client.kept`."""
        return keeping.kept(self._store(), agreement)

    def use(self, agreement: str, *, purpose: str | None, action: str) -> KeptHandle:
        """Return a handle of what is kept; see `Client.use`."""
        store = self._store()
        found = keeping.kept(store, agreement)
        if found is None:
            raise NotFoundError(f"nothing is kept of agreement {agreement}; keep it first")
        gate = UseGate(
            agreement,
            drive=self._drive,
            operations=self._operations,
            action=action,
            purpose=purpose,
        )
        return KeptHandle(store, found, gate)

    def _store(self) -> SealedStore:
        info = self._drive(self._operations.participant())
        return self._data.store(info.name, info.id)
