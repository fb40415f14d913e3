"""Catalogues and what is in them."""

from typing import Any

import pytest

from trustspace.errors import RemoteProtocolError
from trustspace.model.dataset import Catalog, DataService, Dataset

SERVICE = {"@id": "s1", "@type": "DataService", "endpointURL": "https://provider.example/dsp"}
OFFER = {"@id": "o1", "@type": "Offer", "permission": [{"action": "use"}]}
DISTRIBUTION = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s1"}
DATASET = {"@id": "d1", "@type": "Dataset", "hasPolicy": [OFFER], "distribution": [DISTRIBUTION]}


def test_a_catalogue_with_everything():
    document = {
        "@id": "c1",
        "@type": "Catalog",
        "participantId": "did:web:provider.example",
        "service": [SERVICE],
        "dataset": [DATASET],
        "catalog": [{"@id": "c2", "@type": "Catalog", "distribution": [DISTRIBUTION]}],
    }
    catalog = Catalog.read(document)
    assert catalog.datasets[0].offers[0].id == "o1"
    assert catalog.catalogs[0].distributions[0].format == "HttpData-PULL"
    assert catalog.to_wire() == document


def test_an_empty_catalogue_has_no_empty_lists():
    assert Catalog.read({"@id": "c1", "dataset": [], "service": []}).to_wire() == {
        "@id": "c1",
        "@type": "Catalog",
    }


def test_an_access_service_is_named_or_written_out():
    dataset = Dataset.read(
        DATASET | {"distribution": [DISTRIBUTION, DISTRIBUTION | {"accessService": SERVICE}]}
    )
    assert dataset.distributions[0].access_service == "s1"
    written = dataset.distributions[1].access_service
    assert isinstance(written, DataService)
    assert written.endpoint_url == "https://provider.example/dsp"


@pytest.mark.parametrize("change", [{"hasPolicy": []}, {"distribution": []}, {"@id": None}])
def test_a_dataset_has_an_id_an_offer_and_a_distribution(change: dict[str, Any]):
    with pytest.raises(RemoteProtocolError):
        Dataset.read(DATASET | change)
