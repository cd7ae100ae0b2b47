"""KServe's server with a SavedModel behind it: python -m tests.kserve_server VERSION PORT."""

import sys
from pathlib import Path
from typing import Any

import kserve

from tests.songpop_tf.serving.fake_server import ServedModel


class SavedModel(kserve.Model):
    """Answers requests in rows or columns, as TensorFlow Serving does."""

    def __init__(self, name: str, directory: str) -> None:
        super().__init__(name)
        self._model = ServedModel(Path(directory))
        self.ready = True

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        """Call the signature of a request."""
        del headers, response_headers
        return self._model.answer(payload)


if __name__ == "__main__":
    server = kserve.ModelServer(http_port=int(sys.argv[2]), enable_grpc=False)
    server.start([SavedModel("songpop", sys.argv[1])])
