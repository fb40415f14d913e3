from __future__ import annotations

import pkgutil
import subprocess
import sys

import polars as pl
import pytest

import trustspace.dataplane
from trustspace.dataplane.data_extra import OnFirstUse, column_named
from trustspace.errors import MissingDependencyError


def test_a_module_is_loaded_when_it_is_used() -> None:
    module = OnFirstUse("colorsys")
    assert module.__name__ == "colorsys"
    assert module.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert "rgb_to_hsv" in vars(module)
    with pytest.raises(AttributeError):
        _ = module.nothing_of_the_kind


def test_a_missing_module_names_its_extra() -> None:
    module = OnFirstUse("a_module_that_nobody_has")
    with pytest.raises(MissingDependencyError) as caught:
        _ = module.DataFrame
    assert caught.value.extra == "data"
    assert "pip install 'trustspace[data]'" in caught.value.hint


def test_importing_the_data_plane_loads_neither_polars_nor_pyarrow() -> None:
    names = [each.name for each in pkgutil.iter_modules(trustspace.dataplane.__path__)]
    assert len(names) > 10
    code = "import sys\n" + "".join(f"import trustspace.dataplane.{name}\n" for name in names)
    code += "assert not {'polars', 'pyarrow', 'numpy', 'pandas'} & sys.modules.keys()\n"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize("name", ["^a.*$", "*", "a b", "a"])
def test_a_column_is_found_by_its_very_name(name: str) -> None:
    frame = pl.DataFrame({name: [1], "a2": [2]})
    assert frame.select(column_named(name)).to_dict(as_series=False) == {name: [1]}
