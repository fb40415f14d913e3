"""Management of uses of delivered data."""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path
from pydantic import Field

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import Body, Who
from trustspace.connector.using.uses import UseOrder

Session = Annotated[str, Path(min_length=1, max_length=300)]


class Use(Body):
    """What somebody wants to do with delivered data."""

    action: str | None = Field(default=None, max_length=500)
    purpose: str | None = Field(default=None, max_length=2000)
    columns: list[str] = Field(default_factory=list, max_length=10_000)
    counted: bool = True


class UseEnd(Body):
    """What a use came to."""

    outcome: Literal["used", "cut"]
    bytes: int = Field(default=0, ge=0)
    rows: int = Field(default=0, ge=0)
    reasons: list[Any] = Field(default_factory=list, max_length=100)


def add_using(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}/agreements/{agreement_id}/uses"

    # The same session asked for twice is one use: hence PUT.
    @app.put(base + "/{session}")
    async def use(hosted: Who, agreement_id: str, session: Session, body: Use) -> dict[str, Any]:
        columns = tuple(body.columns)
        order = UseOrder(session, body.action, body.purpose, columns, is_counted=body.counted)
        return await plane.uses.begin(hosted, agreement_id, order)

    @app.post(base + "/{session}/end", status_code=204)
    async def end(hosted: Who, agreement_id: str, session: Session, body: UseEnd) -> None:
        await plane.uses.end(
            hosted,
            agreement_id,
            session,
            outcome=body.outcome,
            size_bytes=body.bytes,
            rows=body.rows,
            reasons=body.reasons,
        )
