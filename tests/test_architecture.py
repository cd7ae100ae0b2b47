"""The packages import in one direction, and no two modules import each other."""

import subprocess
import sys
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

PACKAGES = ("keras_tuner_optuna", "pipelines", "songpop_tf")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """All imports, those inside functions included; imports for type checking are left out."""
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)


def test_no_import_cycle(graph: grimp.ImportGraph) -> None:
    modules = sorted(graph.modules)
    number = {module: index for index, module in enumerate(modules)}
    edges = np.array(
        [
            (number[module], number[imported])
            for module in modules
            for imported in graph.find_modules_directly_imported_by(module)
            # `from package import name` also imports the package itself.
            if not module.startswith(f"{imported}.")
        ]
    )
    matrix = coo_array((np.ones(len(edges)), edges.T), shape=(len(modules), len(modules)))
    _, labels = connected_components(matrix, connection="strong")
    cycles = [
        [module for module, label in zip(modules, labels, strict=True) if label == repeated]
        for repeated, count in enumerate(np.bincount(labels))
        if count > 1
    ]
    assert cycles == []


@pytest.mark.parametrize("package", ["pipelines", "keras_tuner_optuna"])
def test_lower_packages_import_no_other_package(graph: grimp.ImportGraph, package: str) -> None:
    others = [other for other in PACKAGES if other != package]
    chains = [graph.find_shortest_chains(package, other) for other in others]
    assert chains == [set()] * len(others)


def test_import_contracts_in_setup_cfg_are_kept() -> None:
    # In a process of its own: it prints through a console that does not survive pytest's capture.
    code = "import sys, importlinter.cli as cli; sys.exit(cli.lint_imports(no_cache=True))"
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
