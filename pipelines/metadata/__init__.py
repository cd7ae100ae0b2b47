"""Artist, title and year as model inputs."""
