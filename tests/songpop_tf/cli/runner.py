"""Run the command line in this process."""

from typer.testing import CliRunner, Result

from songpop_tf.cli import app


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def error_line(result: Result) -> str:
    """The single line that reports an input error."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("songpop-tf: error: ")
    assert "Traceback" not in result.output
    return lines[-1]
