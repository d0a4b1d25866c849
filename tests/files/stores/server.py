"""A server of a folder on this machine: over HTTP, as a bucket of the S3 kind, and with faults."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "bucket"


class Server(ThreadingHTTPServer):
    """Serves a folder; `faults` has by the end of a path what is done instead, each time once.

    A fault is a status, ``"cut"`` (half of the body), ``"short"`` (half of the body, as if it were
    all), ``"empty"`` or ``"hang"``. ``always`` has those that are done every time.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.faults = defaultdict(list)
        self.always = {}
        self.asked = Counter()
        self.sent = 0
        self.lock = threading.Lock()
        self.tags = True
        self.ranges = True
        self.page = 1000

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault_of(self, path):
        for end, faults in self.faults.items():
            if path.endswith(end) and faults:
                return faults.pop(0)
        return next((fault for end, fault in self.always.items() if path.endswith(end)), None)

    def handle_error(self, request, client_address):
        pass  # a client that went away


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):  # noqa: PLR0911
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.server.asked[path] += 1
        fault = self.server.fault_of(path)
        if isinstance(fault, int):
            return self.reply(fault, b"<Error/>")
        if fault == "hang":
            time.sleep(0.4)
        if parts.query and "list-type" in parts.query:
            return self.reply(200, self.listing(parse_qs(parts.query)))
        key = path.removeprefix(f"/{BUCKET}").lstrip("/")
        file = self.server.folder / key
        if not file.is_file():
            return self.reply(404, b"")
        content = b"" if fault == "empty" else file.read_bytes()
        if fault == "short":
            content = content[: len(content) // 2]
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        if self.server.tags and self.headers.get("If-None-Match") == tag:
            return self.reply(304, b"", {"ETag": tag})
        more = {"ETag": tag} if self.server.tags else {}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if wanted is None or not self.server.ranges:
            return self.reply(200, content, more, cut=fault == "cut")
        first, last = wanted.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        stop = min(len(content), int(last) + 1) if first and last else len(content)
        if start >= len(content):
            return self.reply(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        more["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return self.reply(206, content[start:stop], more, cut=fault == "cut")

    def listing(self, query):
        """Return a page of the keys that begin with a prefix, as S3 lists them."""
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        files = (path for path in self.server.folder.rglob("*") if path.is_file())
        keys = sorted(path.relative_to(self.server.folder).as_posix() for path in files)
        keys = [key for key in keys if key.startswith(prefix) and key > after]
        page = keys[: self.server.page]
        more = len(keys) > len(page)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z"
            f"</LastModified><ETag>a</ETag><Size>{(self.server.folder / key).stat().st_size}"
            "</Size></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{entries}</ListBucketResult>"
        ).encode()

    def reply(self, status, content, headers=None, *, cut=False):
        self.send_response(status)
        if status != 304:
            self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        sent = content[: len(content) // 2] if cut else content
        with self.server.lock:
            self.server.sent += len(sent)
        self.wfile.write(sent)
        self.close_connection = cut

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """Give a server of a folder, which ends with the block."""
    server = Server(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
