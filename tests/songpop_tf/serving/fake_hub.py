"""A server with the part of Hugging Face's API that uploads and downloads whole models."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.songpop_tf.serving.http_server import http_server

Files = dict[str, bytes]
"""Content by path in the repository."""

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def fake_hub(models: dict[str, Files]) -> Iterator[str]:
    """The address of the server while it runs; ``models`` holds files by name of the model."""
    with http_server(_Handler, models=models) as address:
        yield address


class _Handler(BaseHTTPRequestHandler):
    models: dict[str, Files]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/models/"):
            model, _, query = path.removeprefix("/api/models/").partition("/")
            name, _, what = query.partition("/")
            self._describe(f"{model}/{name}", what)
            return
        model, _, file = path.removeprefix("/").partition(f"/resolve/{COMMIT}/")
        content = self.models.get(model, {}).get(file)
        if content is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            headers = {"ETag": f'"{_digest(content)}"', "X-Repo-Commit": COMMIT}
            self._send(200, content, headers)

    def _describe(self, model: str, what: str) -> None:
        if model not in self.models:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif what.startswith("tree/"):
            self._send_json(
                [
                    {"type": "file", "path": path, "size": len(content), "oid": _digest(content)}
                    for path, content in self.models[model].items()
                ]
            )
        else:
            files = [{"rfilename": path} for path in self.models[model]]
            self._send_json({"id": model, "sha": COMMIT, "siblings": files})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        if path == "/api/repos/create":
            request = json.loads(body)
            model = f"{request['organization']}/{request['name']}"
            self.models.setdefault(model, {})
            self._send_json({"url": f"http://{self.headers['Host']}/{model}"})
        elif path.endswith("/preupload/main"):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self._send_json({"files": files})
        elif path.endswith("/commit/main"):
            model = path.removeprefix("/api/models/").removesuffix("/commit/main")
            self._commit(model, body)
        else:  # the check of a model card's front matter
            self._send_json({"errors": [], "warnings": []})

    def _commit(self, model: str, body: bytes) -> None:
        for line in body.splitlines():
            operation = json.loads(line)
            if operation["key"] == "file":
                file = operation["value"]
                self.models[model][file["path"]] = base64.b64decode(file["content"])
        url = f"http://{self.headers['Host']}/{model}/commit/{COMMIT}"
        self._send_json({"success": True, "commitOid": COMMIT, "commitUrl": url})

    def _send_json(self, content: Any) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _digest(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
