"""Commands that are killed, stopped or cannot write: nothing is lost, and they say why."""
