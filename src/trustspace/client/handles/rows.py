"""A handle's rows in the forms that people work with.

Each form is made of the same governed batches: whatever stops them stops the conversion.

Example::

    with client.open(agreement) as data:
        data.to_polars()
        data.sql("select grade, avg(price) from data group by grade").to_pandas()
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from trustspace.dataplane.data_extra import pa, pl
from trustspace.errors import MissingDependencyError
from trustspace.usage.governed_sql import GovernedSql

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence

    import pandas as pd

    from trustspace.usage.governed_sql import View

VIEW = "data"
"""Name of a handle's rows in its queries."""


class Rows:
    """What hands out batches, in other forms too."""

    def iter_batches(self) -> Generator[Any, None, None]:
        """Yield the rows as `pyarrow.RecordBatch`, one by one."""
        raise NotImplementedError

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return all rows as a `pyarrow.Table`; raises as `iter_batches`."""
        raise NotImplementedError

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a `polars.DataFrame`; raises as `iter_batches`."""
        return cast("pl.DataFrame", pl.from_arrow(self.to_arrow()))

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows as a `pandas.DataFrame`; raises as `iter_batches`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401, PLC0415 - loaded only where it is asked for
        except ImportError as error:
            raise MissingDependencyError("Frames of pandas", extra="hf") from error
        return cast("pd.DataFrame", self.to_arrow().to_pandas())


class Query(Rows):
    """A query over governed rows, which runs when its rows are asked for.

    Args:
        text: One SELECT over the view ``data``.
        parameters: Values of its ``?`` or ``$1``.
        view: Returns the rows that it sees.
        leaving: Lets batches of the result out, each after a check.
    """

    def __init__(
        self,
        text: str,
        parameters: Sequence[Any],
        *,
        view: Callable[[], View],
        leaving: Callable[[Iterator[Any]], Iterator[Any]],
    ) -> None:
        self._text = text
        self._parameters = tuple(parameters)
        self._view = view
        self._leaving = leaving

    def iter_batches(self) -> Generator[Any, None, None]:
        """Yield the result's `pyarrow.RecordBatch` one by one, while the query runs.

        Raises:
            PolicyError: It is no SQL (``sql.syntax``), or it fails (``sql.failed``).
            PolicyDeniedError: It asks for what no query may (``sql.refused``), or the agreement
                does not let its rows flow.
            DeadlineError: It took too long.
            MissingDependencyError: The extra ``sql`` is not installed.
        """
        with self._running() as result:
            yield from self._leaving(result.batches())

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the result as a `pyarrow.Table`; raises as `iter_batches`."""
        with self._running() as result:
            batches = list(self._leaving(result.batches()))
            return pa.Table.from_batches(batches, schema=result.schema)

    @contextmanager
    def _running(self) -> Iterator[Any]:
        with GovernedSql({VIEW: self._view()}).running(self._text, self._parameters) as result:
            yield result


class ArrowView:
    """Rows in memory as a view of a query; each batch after a check.

    Args:
        table: A `pyarrow.Table`.
        check: Passes while the rows may be used, and raises otherwise.
    """

    def __init__(self, table: Any, check: Callable[[], None]) -> None:  # noqa: ANN401 - no types
        self._table = table
        self._check = check

    @property
    def schema(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """The columns."""
        return self._table.schema

    def batches(self, columns: Collection[str] | None) -> Iterator[Any]:
        """Yield the rows."""
        table = self._table if columns is None else self._table.select(list(columns))
        for batch in table.to_batches():
            self._check()
            yield batch
