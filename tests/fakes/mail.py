"""A mail server that keeps what it is given (RFC 5321, as much as clients of ours say)."""

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast


class _Talk(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        self.wfile.write(b"220 fake ESMTP\r\n")
        while line := self.rfile.readline(2000):
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self._take()
            elif word == b"RCPT" and self.server.refuses:
                self.wfile.write(b"550 nobody of that name\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fake\r\n")

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        self.server.taken.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self.wfile.write(b"250 kept\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.taken: list[EmailMessage] = []
        self.refuses = False


class MailServer:
    """Listens on a free port of this machine from `start` to `stop`."""

    def __init__(self) -> None:
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def taken(self) -> list[EmailMessage]:
        return self._server.taken

    def refuse(self, *, refuses: bool = True) -> None:
        self._server.refuses = refuses

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def text_of(message: EmailMessage) -> str:
    """The plain text of a mail."""
    body = cast(EmailMessage, message.get_body(("plain",)))
    return str(body.get_content())
