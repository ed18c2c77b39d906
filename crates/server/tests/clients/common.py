import os, ssl

HOST = "localhost"
PORTS = {name: int(os.environ[name]) for name in ("SMTP", "SMTPS", "POP3", "POP3S", "IMAP", "IMAPS")}
TLS = ssl.create_default_context(cafile=os.environ["CA"])
MESSAGE = (
    "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: dots\r\n\r\n"
    ".\r\n..\r\n.hidden\r\n\r\nend.\r\nF\u00fcnf\r\n" + "x" * 900 + "\r\n.\r\n"
).encode()
