"""``python -m songpop_tf``."""

import subprocess
import sys


def test_module_runs_the_command_line() -> None:
    command = [sys.executable, "-m", "songpop_tf", "predict", "--help"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--spectrogram" in process.stdout
