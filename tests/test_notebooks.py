"""The notebooks: they run from a clean kernel, and are stored as they ran."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

# Else jupyter-core warns that it will look elsewhere for its folders.
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")

from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 600
"""For one cell, on a machine that does other things besides."""


def texts_of(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """What the cells printed and showed as text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield output.get("data", {}).get("text/plain", "")


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a folder, by the Python that runs the tests."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, kernel_name="python3", timeout=SECONDS, resources=resources)
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    python_path = f"{FOLDER.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    executed: nbformat.NotebookNode = client.execute(env={**quiet, "PYTHONPATH": python_path})
    return executed


def test_there_are_three() -> None:
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3"]


@pytest.mark.filterwarnings("ignore:There is no current event loop:DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_without_a_word_on_standard_error(path: Path, tmp_path: Path) -> None:
    executed = run(path, tmp_path)
    outputs = [one for cell in executed.cells for one in cell.get("outputs", [])]
    assert not [one.text for one in outputs if one.get("name") == "stderr"]
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_as_it_ran(path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
    assert not re.search(r"/(tmp|home|root|work)/", "\n".join(texts_of(stored)))
    assert path.stat().st_size < 600_000
