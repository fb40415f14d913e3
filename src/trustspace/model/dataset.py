"""What is offered: catalogues, datasets, distributions, data services (DSP 2025-1, "Catalog")."""

from typing import Literal

from pydantic import Field

from trustspace.model.odrl import Offer
from trustspace.model.value import Value


class DataService(Value):
    """Where negotiations and transfers for a dataset are addressed."""

    id: str = Field(alias="@id")
    type: Literal["DataService"] = Field(default="DataService", alias="@type")
    endpoint_url: str = Field(alias="endpointURL")


class Distribution(Value):
    """One form in which a dataset can be had.

    Attributes:
        access_service: A data service, or the ``@id`` of one listed by the catalogue.
    """

    type: Literal["Distribution"] = Field(default="Distribution", alias="@type")
    format: str
    access_service: str | DataService = Field(alias="accessService")
    offers: tuple[Offer, ...] = Field(default=(), alias="hasPolicy")


class Dataset(Value):
    """Something on offer, with at least one offer and one distribution."""

    id: str = Field(alias="@id")
    type: Literal["Dataset"] = Field(default="Dataset", alias="@type")
    offers: tuple[Offer, ...] = Field(alias="hasPolicy", min_length=1)
    distributions: tuple[Distribution, ...] = Field(alias="distribution", min_length=1)


class Catalog(Value):
    """A participant's datasets as one requester sees them; may nest further catalogues."""

    id: str = Field(alias="@id")
    type: Literal["Catalog"] = Field(default="Catalog", alias="@type")
    participant_id: str | None = Field(default=None, alias="participantId")
    services: tuple[DataService, ...] = Field(default=(), alias="service")
    datasets: tuple[Dataset, ...] = Field(default=(), alias="dataset")
    catalogs: "tuple[Catalog, ...]" = Field(default=(), alias="catalog")
    distributions: tuple[Distribution, ...] = Field(default=(), alias="distribution")
