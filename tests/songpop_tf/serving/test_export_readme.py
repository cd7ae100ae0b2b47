"""Description of an exported model."""

import json
from pathlib import Path


def test_signatures_file_describes_all_signatures(exported: Path) -> None:
    description = json.loads((exported / "signatures.json").read_text())
    names = {"serving_default", "metadata_only", "audio", "occlusion", "history"}
    assert set(description["signatures"]) == names
    for signature in description["signatures"].values():
        assert signature["outputs"]["usable"]["dtype"] == "bool"
