"""Python's own clients, by the shortest program their documentation teaches.

peer.py smtplib --messages N --size BYTES | poplib --user U --password P --messages N
        | imaplib --user U --password P --messages N [--folder F] [--mode all|one]
        all: --server HOST:PORT [--ca FILE] (TLS from the first byte)
"""
import argparse
import imaplib
import json
import poplib
import smtplib
import ssl
import time

given = argparse.ArgumentParser()
given.add_argument("client", choices=["smtplib", "poplib", "imaplib"])
given.add_argument("--server", required=True)
given.add_argument("--ca")
given.add_argument("--user", default="u001")
given.add_argument("--password", default="")
given.add_argument("--messages", type=int, default=1000)
given.add_argument("--size", type=int, default=4096)
given.add_argument("--to", default="u001@example.test")
given.add_argument("--folder", default="INBOX")
given.add_argument("--mode", choices=["all", "one"], default="all")
given = given.parse_args()
host, port = given.server.rsplit(":", 1)
port = int(port)
tls = ssl.create_default_context(cafile=given.ca) if given.ca else None


def message(size):
    head = (b"From: <sender@example.test>\r\nTo: <u001@example.test>\r\n"
            b"Subject: A message to measure with\r\n\r\n")
    line = b"Pack my box with five dozen liquor jugs, and weigh it on the way..\r\n"
    body = head + line * ((size - len(head)) // len(line))
    return body + b"." * (size - len(body) - 2) + b"\r\n"


def by_smtplib():
    # local_hostname: a lookup of this machine's name is not what is measured.
    options = {"local_hostname": "[127.0.0.1]"}
    client = smtplib.SMTP_SSL(host, port, context=tls, **options) if tls else smtplib.SMTP(host, port, **options)
    body = message(given.size)
    for _ in range(given.messages):
        client.sendmail("sender@example.test", [given.to], body)
    client.quit()
    return given.messages, given.messages * len(body)


def by_poplib():
    client = poplib.POP3_SSL(host, port, context=tls) if tls else poplib.POP3(host, port)
    client.user(given.user)
    client.pass_(given.password)
    count = 0
    for number in range(1, given.messages + 1):
        count += client.retr(number)[2]
    client.quit()
    return given.messages, count


def by_imaplib():
    client = imaplib.IMAP4_SSL(host, port, ssl_context=tls) if tls else imaplib.IMAP4(host, port)
    client.login(given.user, given.password)
    client.select(given.folder, readonly=True)
    sets = [f"1:{given.messages}"] if given.mode == "all" else [str(n) for n in range(1, given.messages + 1)]
    messages = count = 0
    for numbers in sets:
        status, data = client.uid("FETCH", numbers, "(UID BODY.PEEK[])")
        assert status == "OK", data
        for part in data:
            if isinstance(part, tuple):
                messages += 1
                count += len(part[1])
    client.logout()
    return messages, count


start = time.monotonic()
messages, count = {"smtplib": by_smtplib, "poplib": by_poplib, "imaplib": by_imaplib}[given.client]()
print(json.dumps({"messages": messages, "bytes": count, "seconds": time.monotonic() - start}))
