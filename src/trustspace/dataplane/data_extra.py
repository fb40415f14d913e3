"""Polars and pyarrow, imported on first use.

Together they take 70 MiB and half a second, which a connector that serves no table never pays; and
they are an extra, which a machine that only fetches files need not have. The names below stand for
the modules and load them when the first attribute is asked for.

Example::

    from trustspace.dataplane.data_extra import pl

    pl.scan_parquet("roses.parquet")  # here Polars is imported
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from trustspace.errors import MissingDependencyError

__all__ = ["arrow_compute", "arrow_csv", "column_named", "pa", "parquet", "pl"]


class OnFirstUse(ModuleType):
    """A module that is imported when the first of its attributes is asked for.

    Raises:
        MissingDependencyError: On that occasion, when the module is not installed.
    """

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any member of the module
        try:
            module = importlib.import_module(self.__name__)
        except ImportError as error:
            raise MissingDependencyError("Reading and writing tables", extra="data") from error
        value = getattr(module, name)
        setattr(self, name, value)
        return value


if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as arrow_compute
    import pyarrow.csv as arrow_csv
    from pyarrow import parquet
else:
    pl = OnFirstUse("polars")
    pa = OnFirstUse("pyarrow")
    arrow_compute = OnFirstUse("pyarrow.compute")
    arrow_csv = OnFirstUse("pyarrow.csv")
    parquet = OnFirstUse("pyarrow.parquet")


def column_named(name: str) -> pl.Expr:
    """Return the column of exactly this name.

    ``pl.col`` would read ``*`` and ``^…$`` as patterns, and a mask for a column called so would
    miss it.
    """
    return pl.selectors.by_name(name).as_expr()
