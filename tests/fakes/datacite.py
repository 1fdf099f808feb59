"""DataCite's REST service as far as we speak to it: accounts, states, and the faults of a description (kernel-4)."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCOUNT, PASSWORD, PREFIX = "ORG.INVIVO", "a secret", "10.5072"
RELATIONS = {"IsVersionOf", "IsSupplementTo", "IsCitedBy", "IsDerivedFrom"}
Json = dict[str, Any]


def faults(attributes: Json) -> list[Json]:
    """What the schema demands and the description has not."""
    wrong = []
    for name in ("creators", "titles", "publisher", "publicationYear", "types"):
        if not attributes.get(name):
            wrong.append({"source": name, "title": "is missing"})
    if not all(one.get("name") for one in attributes.get("creators", [])):
        wrong.append({"source": "creators", "title": "has no name"})
    if not 1000 <= int(attributes.get("publicationYear") or 0) <= 2100:
        wrong.append({"source": "publicationYear", "title": "is no year"})
    if attributes.get("types", {}).get("resourceTypeGeneral") != "Dataset":
        wrong.append({"source": "types", "title": "is unknown"})
    for one in attributes.get("relatedIdentifiers", []):
        if one.get("relationType") not in RELATIONS or not one.get("relatedIdentifierType"):
            wrong.append({"source": "relatedIdentifiers", "title": "is unknown"})
    if attributes.get("event") in ("publish", "register") and not attributes.get("url"):
        wrong.append({"source": "url", "title": "is missing"})
    return wrong


class _Door(BaseHTTPRequestHandler):
    server: "_Server"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.api+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _take(self, *, is_new: bool) -> None:
        length = int(self.headers.get("Content-Length", 0))
        attributes = json.loads(self.rfile.read(length))["data"]["attributes"]
        wanted = "Basic " + base64.b64encode(f"{ACCOUNT}:{PASSWORD}".encode()).decode()
        if self.server.answers:
            self._answer(self.server.answers.pop(0), {"errors": [{"title": "not now"}]})
        elif self.headers.get("Authorization") != wanted:
            self._answer(401, {"errors": [{"title": "Bad credentials."}]})
        elif not attributes["doi"].startswith(f"{PREFIX}/"):
            self._answer(403, {"errors": [{"source": "doi", "title": "is not of your prefix"}]})
        elif not is_new and attributes["doi"] not in self.server.known:
            self._answer(404, {"errors": [{"title": "The resource you are looking for doesn't exist."}]})
        elif wrong := faults(attributes):
            self._answer(422, {"errors": wrong})
        else:
            self._keep(attributes, is_new=is_new)

    def _keep(self, attributes: Json, *, is_new: bool) -> None:
        known = self.server.known.setdefault(attributes["doi"], {"state": "draft"})
        state = {"publish": "findable", "register": "registered", "hide": "registered"}.get(attributes.get("event", ""))
        known |= attributes | {"state": state or known["state"]}
        self._answer(201 if is_new else 200, {"data": {"id": attributes["doi"], "attributes": known}})

    def do_PUT(self) -> None:
        self._take(is_new=False)

    def do_POST(self) -> None:
        self._take(is_new=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.known: dict[str, Json] = {}
        self.answers: list[int] = []


class DataCiteServer:
    """Listens on a free port of this machine until `stop`; what is in `answers` is answered first, whatever is asked."""

    def __init__(self) -> None:
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.known, self.answers = self._server.known, self._server.answers

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
