"""KServe's server with a SavedModel behind it: python -m tests.kserve_server VERSION PORT."""

import base64
import sys
from typing import Any

import kserve
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's operations


class SavedModel(kserve.Model):
    """Answers requests in rows or columns, as TensorFlow Serving does."""

    def __init__(self, name: str, directory: str) -> None:
        super().__init__(name)
        self._module = tf.saved_model.load(directory)
        self.ready = True

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        """Call the signature of a request."""
        del headers, response_headers
        signature = self._module.signatures[payload.get("signature_name", "serving_default")]
        rows = payload.get("instances")
        columns = payload.get("inputs") or {name: [row[name] for row in rows] for name in rows[0]}
        specs = signature.structured_input_signature[1]
        outputs = signature(
            **{
                name: tf.constant([_from_json(value) for value in column], specs[name].dtype)
                for name, column in columns.items()
            }
        )
        lists = {name: column.numpy().tolist() for name, column in outputs.items()}
        if rows is None:
            return {"outputs": lists}
        answers = zip(*lists.values(), strict=True)
        return {"predictions": [dict(zip(lists, row, strict=True)) for row in answers]}


def _from_json(value: Any) -> Any:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


if __name__ == "__main__":
    server = kserve.ModelServer(http_port=int(sys.argv[2]), enable_grpc=False)
    server.start([SavedModel("songpop", sys.argv[1])])
