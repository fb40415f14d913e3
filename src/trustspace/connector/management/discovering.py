"""Management of what others offer: their catalogues, crawls, the index."""

from typing import Annotated, Any

from fastapi import FastAPI, Query

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import CatalogQuery, CrawlOrder, Limit, Wait, Who


def add_discovering(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.post(base + "/catalog")
    async def catalog(hosted: Who, body: CatalogQuery) -> dict[str, Any]:
        filter_ = tuple(each.model_dump() for each in body.filter)
        return await plane.catalog(hosted, body.address, limit=body.limit, filter_=filter_)

    @app.post(base + "/crawls", status_code=202)
    async def crawl(hosted: Who, body: CrawlOrder) -> dict[str, Any]:
        return plane.crawls.begin(hosted, body.addresses)

    @app.get(base + "/crawls/{crawl_id}")
    async def crawled(hosted: Who, crawl_id: str, wait: Wait = 0) -> dict[str, Any]:
        return await plane.crawls.show(hosted, crawl_id, wait=wait)

    @app.get(base + "/index")
    async def search(
        hosted: Who,
        words: Annotated[str, Query(max_length=1000)] = "",
        provider: str | None = None,
        limit: Limit = 100,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        return await plane.crawls.search(
            hosted, words.split(), provider=provider, limit=limit, cursor=cursor
        )

    @app.get(base + "/index/sources")
    async def sources(hosted: Who) -> dict[str, Any]:
        return await plane.crawls.sources(hosted)

    @app.delete(base + "/index/sources/{source:path}", status_code=204)
    async def forget(hosted: Who, source: str) -> None:
        await plane.crawls.forget(hosted, source)
