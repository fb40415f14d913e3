"""The cases about the version document and the catalogue; the kit is the one who asks."""

from __future__ import annotations

from urllib.parse import quote

from tests.conformance.kit import CaseFailedError, Kit
from tests.conformance.messages import message


async def met_01_01(kit: Kit) -> None:
    """The version document names 2025-1, with path and binding."""
    url = f"{kit.configuration.of('http.base.url')}/.well-known/dspace-version"
    answer = await kit.client.send("GET", url)
    found = kit.document(answer)
    if answer.status != 200 or "protocolVersions" not in found:
        raise CaseFailedError(f"there is no version document: {answer.status} {found}")
    faults = kit.configuration.schemas.version_faults(found)
    if faults:
        raise CaseFailedError(f"the version document is malformed: {'; '.join(faults)}")
    entries = [entry for entry in found["protocolVersions"] if entry.get("version") == "2025-1"]
    if not any(entry.get("path") and entry.get("binding") for entry in entries):
        raise CaseFailedError(f"no entry speaks of 2025-1 with path and binding: {found}")


async def cat_01_01(kit: Kit) -> None:
    """The first page of the catalogue lists the dataset."""
    url = f"{kit.configuration.of('http.url')}/catalog/request"
    answer = await kit.post(url, message("CatalogRequestMessage"))
    catalog = kit.document(answer)
    if kit.configured("DATASETID") not in [one["@id"] for one in catalog.get("dataset", ())]:
        raise CaseFailedError("the dataset is not on the first page")


async def cat_01_02(kit: Kit) -> None:
    """The dataset can be asked for alone."""
    dataset_id = kit.configured("DATASETID")
    found = await kit.get(_dataset(kit))
    if (found["@type"], found.get("@id")) != ("Dataset", dataset_id):
        raise CaseFailedError(f"found {found['@type']} {found.get('@id')}, not {dataset_id}")


async def cat_01_03(kit: Kit) -> None:
    """A dataset that is not there is refused with a catalogue error."""
    found = await kit.get(_dataset(kit), refused=True)
    if found["@type"] != "CatalogError":
        raise CaseFailedError(f"found {found['@type']}, not a CatalogError")


def _dataset(kit: Kit) -> str:
    dataset_id = quote(kit.configured("DATASETID"), safe="")
    return f"{kit.configuration.of('http.url')}/catalog/datasets/{dataset_id}"


CASES = {case.__name__.upper(): case for case in (met_01_01, cat_01_01, cat_01_02, cat_01_03)}
