"""Models that come with the program, as TensorFlow Serving loads them: <name>/<version>/."""
