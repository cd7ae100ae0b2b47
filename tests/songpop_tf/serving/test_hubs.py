"""Models on Hugging Face (a server with its API) and Kaggle (what its client has downloaded)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import extras
from pipelines.errors import InputError
from songpop_tf.serving.hubs import local_folder, upload_preset
from tests.songpop_tf.serving.fake_hub import Files, fake_hub

# In a process of its own, as the client library reads its settings when it is imported.
UPLOAD_AND_DOWNLOAD = """
import sys
from songpop_tf.serving.hubs import local_folder, upload_preset
upload_preset("hf://someone/songs", sys.argv[1])
print(local_folder("hf://someone/songs"))
try:
    local_folder("hf://someone/nothing")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    """A folder with the file that marks a preset."""
    folder = tmp_path / "preset"
    (folder / "assets").mkdir(parents=True)
    (folder / "task.json").write_text("{}")
    (folder / "README.md").write_text("---\nlibrary_name: keras\n---\n# Songs\n")
    (folder / "assets" / "artists.npz").write_bytes(bytes(range(256)))
    return folder


def files_of(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_preset_goes_to_hugging_face_and_back(preset: Path, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra hubs is not installed")
    models: dict[str, Files] = {}
    with fake_hub(models) as address:
        done = subprocess.run(
            [sys.executable, "-c", UPLOAD_AND_DOWNLOAD, str(preset)],
            env={
                **os.environ,
                "HF_ENDPOINT": address,
                "HF_HOME": str(tmp_path / "cache"),
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                "HF_TOKEN": "hf_none",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    downloaded, missing = done.stdout.splitlines()
    # The model card among them: no generated one replaces it.
    assert models["someone/songs"] == files_of(preset)
    assert files_of(Path(downloaded)) == files_of(preset)
    assert missing.startswith("InputError hf://someone/nothing: expected a model, received Repos")


def test_kaggle_handle_is_read_from_the_cache(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    version = tmp_path / "cache" / "models" / "someone" / "songs" / "keras" / "text" / "1"
    version.parent.mkdir(parents=True)
    preset.rename(version)
    version.with_name("1.complete").touch()
    assert files_of(local_folder("kaggle://someone/songs/keras/text/1")) == files_of(version)


def test_malformed_kaggle_handle_is_named() -> None:
    with pytest.raises(InputError, match="kaggle://someone: expected a model, received ValueError"):
        local_folder("kaggle://someone")


def test_what_cannot_be_uploaded_is_named(preset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="received a folder without task.json"):
        upload_preset("hf://someone/songs", tmp_path / "none")
    with pytest.raises(InputError, match="uri: expected hf://USER/MODEL or kaggle://"):
        upload_preset("someone/songs", preset)


def test_missing_client_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    for uri in ("hf://someone/songs", "kaggle://someone/songs/keras/text"):
        with pytest.raises(InputError, match=rf"{uri}: .*pip install 'songpop-tf\[hubs\]'"):
            local_folder(uri)
