"""Servers that no client should trust or wait for: bad certificates, silence, clear text, a closed port.

Python and not more Postfix listeners: Postfix shares its TLS session tickets between listeners, so a client
that resumes a session by host name would never see the bad certificate.

usage: badtls.py DIR ENVFILE
"""
import socket
import ssl
import sys
import threading

directory = sys.argv[1]
with open(sys.argv[2]) as file:
    env = dict(line.strip().split("=", 1) for line in file if "=" in line)


def main():
    for kind in ("selfsigned", "expired", "host", "unknownca"):
        serve(f"BAD_{kind.upper()}_PORT", tls(kind))
    serve("SILENT_PORT", silent)
    serve("CLEAR_PORT", clear)
    # Bound and never listened on: a connection is refused, and nobody else can take the port.
    closed = socket.socket()
    closed.bind(("127.0.0.1", int(env["CLOSED_PORT"])))
    threading.Event().wait()


def serve(key, handle):
    listener = socket.create_server(("127.0.0.1", int(env[key])), backlog=128)

    def loop():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=guarded, args=(handle, connection), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def guarded(handle, connection):
    """A client that goes away, or refuses the certificate, is what these ports are for."""
    try:
        with connection:
            handle(connection)
    except OSError:
        pass


def tls(kind):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/certs/{kind}.pem", f"{directory}/certs/{kind}.key")

    def handle(connection):
        with context.wrap_socket(connection, server_side=True) as line:
            smtp(line)

    return handle


def smtp(line):
    """As much SMTP as shows that a client told to trust everything came through; mail is refused."""
    line.sendall(b"220 mail.example.test ESMTP bad certificate\r\n")
    for command in line.makefile("rb"):
        verb = command[:4].upper()
        if verb == b"QUIT":
            line.sendall(b"221 2.0.0 bye\r\n")
            return
        line.sendall(b"250 mail.example.test\r\n" if verb in (b"EHLO", b"HELO", b"NOOP") else b"554 5.7.0 no\r\n")


def silent(connection):
    """Reads until the client gives up, and never says a word."""
    while connection.recv(1 << 16):
        pass


def clear(connection):
    """Clear text where a client may expect TLS."""
    connection.sendall(b"* OK clear text here\r\n")
    connection.recv(1 << 16)


main()
