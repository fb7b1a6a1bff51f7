"""A mail server on this machine, which counts what it takes."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

SMTP = "django.core.mail.backends.smtp.EmailBackend"


class MailServer(socketserver.ThreadingTCPServer):
    """`taken` mails so far, `mails` with their lines; while `is_full` each is refused for now."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.taken, self.is_full = 0, False
        self.mails: list[str] = []


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        in_data, lines = False, []
        for line in self.rfile:
            if in_data:
                lines.append(line.decode())
                if line == b".\r\n":
                    in_data = False
                    self.server.taken += 1
                    self.server.mails.append("".join(lines))
                    self.wfile.write(b"250 taken\r\n")
                continue
            word = line[:4].upper()
            if word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            if word == b"MAIL" and self.server.is_full:
                self.wfile.write(b"452 full\r\n")
                continue
            in_data = word == b"DATA"
            self.wfile.write(b"354 go on\r\n" if in_data else b"250 yes\r\n")


@contextlib.contextmanager
def running_mail_server(settings: Any) -> Iterator[MailServer]:
    """Starts a mail server to which all mails go, and ends it."""
    with MailServer() as running:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "127.0.0.1"
        settings.EMAIL_PORT = running.server_address[1]
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield running
        running.shutdown()
