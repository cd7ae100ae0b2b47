"""The notebooks run from a clean kernel and are stored with their outputs."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import pytest

# Otherwise jupyter-core warns that the location of its folders will change.
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")

from nbclient import NotebookClient

DIRECTORY = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(DIRECTORY.glob("*.ipynb"))
CELL_TIMEOUT = 600
"""Seconds; generous, for a machine under other load."""
MAX_BYTES = 600_000
SMALL = {"songs": 48, "epochs": 1}
"""Sizes that are enough to run each cell."""


def output_texts(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Everything that the cells printed or displayed as text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield output.get("data", {}).get("text/plain", "")


def with_sizes(source: str, sizes: Mapping[str, int]) -> str:
    """The code of a cell with other numbers of songs and epochs."""
    for name, size in sizes.items():
        source = re.sub(rf"\b{name}=\d+", f"{name}={size}", source)
    return source


def execute(path: Path, directory: Path, sizes: Mapping[str, int]) -> nbformat.NotebookNode:
    """Execute a notebook in a directory, with the Python that runs the tests."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = with_sizes(cell.source, sizes)
    resources = {"metadata": {"path": str(directory)}}
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=CELL_TIMEOUT, resources=resources
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_CPP")}
    python_path = f"{DIRECTORY.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    executed: nbformat.NotebookNode = client.execute(env={**environment, "PYTHONPATH": python_path})
    return executed


def test_there_are_four_notebooks() -> None:
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3", "4"]


@pytest.mark.filterwarnings("ignore:There is no current event loop:DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "sizes",
    [pytest.param(SMALL, id="small"), pytest.param({}, id="as stored", marks=[pytest.mark.long])],
)
def test_notebook_runs_without_stderr(path: Path, sizes: Mapping[str, int], tmp_path: Path) -> None:
    executed = execute(path, tmp_path, sizes)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert not list(tmp_path.iterdir()), "leaves files behind"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_with_outputs(path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
    assert not re.search(r"/(tmp|home|root|work)/", "\n".join(output_texts(stored)))
    assert path.stat().st_size < MAX_BYTES
