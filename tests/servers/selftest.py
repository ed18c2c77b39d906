"""Shows with Python's own clients, curl and mbsync that every server of `run start DIR` works in each TLS mode.

usage: selftest.py DIR     (a freshly started one: it counts messages)
"""
import base64
import hashlib
import hmac
import imaplib
import os
import poplib
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

with open(f"{sys.argv[1]}/servers.env") as file:
    env = dict(line.strip().split("=", 1) for line in file)
port = {k[:-5]: int(v) for k, v in env.items() if k.endswith("_PORT")}
password = env["MAIL_PASSWORD"]
trust = ssl.create_default_context(cafile=env["CA_FILE"])
trust_and_show = ssl.create_default_context(cafile=env["CA_FILE"])
trust_and_show.load_cert_chain(env["CLIENT_CERT"], env["CLIENT_KEY"])
modes = ["none", "starttls", "implicit"]
# Everything that a careless server or relay would touch: dots, bare blank lines, Bcc, 8 bits, a long line.
MAIL = ("Subject: self-test %s\r\nBcc: x@example.test\r\nFrom: bob@example.test\r\n\r\n.a dot\r\n..two\r\n.\r\n\r\n\r\n"
        "gr\u00fc\u00dfe \U0001f600\r\n" + "long " * 1000 + "\r\nFrom here\r\nlast line\r\n")


def mail(name):
    return MAIL.replace("%s", name).encode()


def smtp(mode="none", where=None):
    if mode == "implicit":
        return smtplib.SMTP_SSL("localhost", port[where or "POSTFIX_SMTPS"], context=trust, timeout=30)
    client = smtplib.SMTP("localhost", port[where or ("POSTFIX_SUBMISSION" if mode == "starttls" else "POSTFIX_SMTP")],
                          timeout=30)
    if mode == "starttls":
        client.starttls(context=trust)
    client.ehlo()
    return client


def imap(mode="none", user=None):
    if mode == "implicit":
        client = imaplib.IMAP4_SSL("localhost", port["DOVECOT_IMAPS"], ssl_context=trust)
    else:
        client = imaplib.IMAP4("localhost", port["DOVECOT_IMAP"])
        if mode == "starttls":
            client.starttls(trust)
    if user:
        client.login(user, password)
        client.select()
    return client


def pop(mode="none", user=None):
    if mode == "implicit":
        client = poplib.POP3_SSL("localhost", port["DOVECOT_POP3S"], context=trust)
    else:
        client = poplib.POP3("localhost", port["DOVECOT_POP3"])
        if mode == "starttls":
            client.stls(trust)
    poplib._MAXLINE = 1 << 20
    if user:
        client.user(user)
        client.pass_(password)
    return client


def by_imap(mode, user):
    client = imap(mode, user)
    numbers = client.uid("search", None, "ALL")[1][0].split()
    found = [client.uid("fetch", n, "(BODY.PEEK[])")[1][0][1] for n in numbers]
    client.logout()
    return found


def by_pop(mode, user):
    client = pop(mode, user)
    found = [b"\r\n".join(client.retr(i + 1)[1]) + b"\r\n" for i in range(client.stat()[0])]
    client.quit()
    return found


def arrived(user, count):
    until = time.time() + 60
    while len(found := by_imap("implicit", user)) < count:
        assert time.time() < until, f"{user} has {len(found)} of {count}"
        time.sleep(0.02)
    return found


def refused(kind, what, *arguments):
    try:
        what(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"not refused: {what} {arguments}")


def mail_sent_in_each_tls_mode_is_fetched_unchanged_in_each():
    for mode in modes:
        client = smtp(mode)
        client.login("bob", password)
        begun = time.time()
        assert not client.sendmail("bob@example.test", ["alice@example.test"], mail(mode), ["BODY=8BITMIME"])
        client.quit()
        arrived("alice", modes.index(mode) + 1)
        print(f"  sent and there after {time.time() - begun:.3f} s")
    for mode in modes:
        for found in by_imap(mode, "alice"), by_pop(mode, "alice"):
            assert sorted(m[m.index(b"Subject: "):] for m in found) == sorted(map(mail, modes)), found
    added = found[0][:found[0].index(b"Subject: ")]
    names = [line.split(b":")[0] for line in added.split(b"\r\n") if line and not line[:1].isspace()]
    assert names == [b"Return-Path", b"Delivered-To", b"Received"], added


def recipients_are_refused_as_promised():
    client = smtp()
    for extension in "pipelining", "dsn", "smtputf8", "8bitmime", "chunking", "enhancedstatuscodes", "starttls":
        assert client.has_extn(extension), extension
    assert client.esmtp_features["size"] == str(200 << 20), client.esmtp_features
    for name, code in [("nobody", 550), ("deferred", 450), ("full", 552), ("bob", 250)]:
        client.mail("x@example.test")
        got = client.rcpt(f"{name}@example.test")
        assert got[0] == code, (name, got)
        client.rset()
    for signed_in in False, True:
        if signed_in:
            client.login("bob", password)
        client.mail("bob@example.test")
        assert client.rcpt("x@elsewhere.invalid")[0] == 554
        client.rset()
    late = refused(smtplib.SMTPDataError, client.sendmail, "bob@example.test", ["late@example.test"], mail("late"))
    assert late.smtp_code == 554, late


def submission_wants_tls_and_a_password():
    client = smtplib.SMTP("localhost", port["POSTFIX_SUBMISSION"])
    client.ehlo()
    assert client.has_extn("starttls") and not client.has_extn("auth")
    assert client.mail("bob@example.test")[0] == 530
    for mode in "starttls", "implicit":
        client = smtp(mode)
        client.mail("bob@example.test")
        assert client.rcpt("alice@example.test")[0] == 554
        # Inside a transaction AUTH is answered 503, which smtplib takes for a success.
        client.rset()
        refused(smtplib.SMTPAuthenticationError, client.login, "bob", "wrong")


def the_small_port_refuses_what_is_too_large():
    client, limit = smtp(where="POSTFIX_SMALL"), int(env["POSTFIX_SMALL_LIMIT"])
    assert client.esmtp_features["size"] == str(limit)
    assert client.mail("bob@example.test", [f"SIZE={limit + 1}"])[0] == 552
    # Postfix remembers the size until RSET: a MAIL without one is refused all the same.
    assert client.mail("bob@example.test")[0] == 552
    client.rset()
    client.mail("bob@example.test")
    client.rcpt("bob@example.test")
    assert client.data(b"x\r\n" * limit)[0] == 552


def every_way_to_sign_in_works():
    ways = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER".split()
    assert {f"AUTH={w}" for w in ways} <= set(imap().capabilities), imap().capabilities
    assert set(ways) <= set(smtp().esmtp_features["auth"].split()), smtp().esmtp_features
    assert set(ways) <= set(pop().capa()["SASL"]), pop().capa()
    for method in "auth_plain", "auth_login", "auth_cram_md5":
        client = smtp()
        client.user, client.password = "alice", password
        assert client.auth(method[5:].replace("_", "-"), getattr(client, method))[0] == 235
    assert pop().apop("alice", password).startswith(b"+OK")
    refused(poplib.error_proto, pop().apop, "alice", "wrong")
    for name, hash in ("SCRAM-SHA-1", "sha1"), ("SCRAM-SHA-256", "sha256"):
        assert imap().authenticate(name, scram("alice", password, hash))[0] == "OK"
        refused(imaplib.IMAP4.error, imap().authenticate, name, scram("alice", "wrong", hash))


def scram(user, secret, hash):
    bare, state = f"n={user},r=abcdefgh", {}

    def step(challenge):
        if not challenge:
            return f"n,,{bare}".encode()
        if challenge.startswith(b"v="):
            assert base64.b64decode(challenge[2:]) == state["signature"]
            return b""
        first = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac(hash, secret.encode(), base64.b64decode(first["s"]), int(first["i"]))
        key = hmac.digest(salted, b"Client Key", hash)
        final = f"c=biws,r={first['r']}"
        signed = f"{bare},{challenge.decode()},{final}".encode()
        mask = hmac.digest(hashlib.new(hash, key).digest(), signed, hash)
        state["signature"] = hmac.digest(hmac.digest(salted, b"Server Key", hash), signed, hash)
        return f"{final},p={base64.b64encode(bytes(a ^ b for a, b in zip(key, mask))).decode()}".encode()

    return step


def tokens_sign_in_and_expired_ones_do_not():
    user = env["OAUTH_USER"]

    def xoauth2(token):
        return lambda challenge: b"" if challenge else f"user={user}\1auth=Bearer {token}\1\1".encode()

    def bearer(token):
        return lambda challenge: b"\1" if challenge else f"n,a={user},\1auth=Bearer {token}\1\1".encode()

    for name, step in ("XOAUTH2", xoauth2), ("OAUTHBEARER", bearer):
        client = imap()
        assert client.authenticate(name, step(env["OAUTH_TOKEN"]))[0] == "OK"
        refused(imaplib.IMAP4.error, imap().authenticate, name, step(env["OAUTH_EXPIRED_TOKEN"]))
    client = smtp()
    client.docmd("AUTH", "XOAUTH2 " + base64.b64encode(xoauth2(env["OAUTH_TOKEN"])(b"")).decode())
    assert client.sendmail("alice@example.test", ["bob@example.test"], mail("token")) == {}


def client_certificates_are_asked_for():
    def dovecot(context):
        return imaplib.IMAP4_SSL("localhost", port["DOVECOT_CERT_IMAPS"], ssl_context=context)

    client = dovecot(trust_and_show)
    assert client.authenticate("EXTERNAL", lambda _: b"")[0] == "OK"
    assert client.select()[0] == "OK"
    refused((imaplib.IMAP4.error, OSError), lambda: dovecot(trust).authenticate("EXTERNAL", lambda _: b""))

    def postfix(context):
        with smtplib.SMTP_SSL("localhost", port["POSTFIX_CERT_SMTPS"], context=context) as client:
            return client.sendmail("x@example.test", ["carol@example.test"], mail("certificate"))

    assert postfix(trust_and_show) == {}
    refused((smtplib.SMTPException, OSError), postfix, trust)


def bad_servers_are_bad_in_their_way():
    for kind, reason in [("SELFSIGNED", "self-signed"), ("EXPIRED", "expired"), ("HOST", "Hostname mismatch"),
                         ("UNKNOWNCA", "unable to get local issuer")]:
        where = "localhost", port[f"BAD_{kind}"]
        error = refused(ssl.SSLError, lambda: smtplib.SMTP_SSL(*where, context=trust))
        assert reason in str(error), (kind, error)
        assert smtplib.SMTP_SSL(*where, context=ssl._create_unverified_context()).noop()[0] == 250
    silent = socket.create_connection(("127.0.0.1", port["SILENT"]), 0.5)
    silent.sendall(b"EHLO x\r\n")
    refused(TimeoutError, silent.recv, 1)
    refused(ssl.SSLError, lambda: imaplib.IMAP4_SSL("localhost", port["CLEAR"]))
    refused(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", port["CLOSED"]))


def idle_tells_of_new_mail_at_once():
    client = imap("implicit", "dave")
    client.send(b"x IDLE\r\n")
    client.readline()
    begun = time.time()
    smtp().sendmail("bob@example.test", ["dave@example.test"], mail("idle"))
    client.sock.settimeout(10)
    while not client.readline().endswith(b"EXISTS\r\n"):
        pass
    print(f"  EXISTS {time.time() - begun:.3f} s after sending began")
    assert time.time() - begun < 3


def special_mailboxes_are_there():
    listed = b"".join(imap(user="empty").list()[1])
    for use in b"Sent", b"Trash", b"Drafts", b"Archive", b"Junk":
        assert b"\\" + use in listed, listed
    assert by_imap("none", "empty") == [] == by_pop("none", "empty")


def addresses_beyond_ascii_are_delivered():
    client, text = smtp(), "Subject: gr\u00fc\u00dfe\r\n\r\nx\r\n".encode()
    for to in "j\u00f6rg@example.test", "utf8@example.test":
        client.sendmail("j\u00f6rg@example.test", [to], text, ["SMTPUTF8", "BODY=8BITMIME"])
    for found in arrived("utf8", 2):
        assert found.endswith(text), found


def a_success_notification_comes_back():
    smtp().sendmail("frank@example.test", ["grace@example.test"], mail("dsn"), ["RET=HDRS"], ["NOTIFY=SUCCESS"])
    assert b"report-type=delivery-status" in arrived("frank", 1)[0]


def a_hundred_mebibytes_arrive():
    line = b"0123456789" * 7 + b"\r\n"
    text = b"Subject: large\r\n\r\n" + line * ((100 << 20) // len(line) + 1)
    begun = time.time()
    assert smtp().sendmail("bob@example.test", ["heidi@example.test"], text) == {}
    found = arrived("heidi", 1)[0]
    print(f"  {len(text) >> 20} MiB sent and fetched in {time.time() - begun:.1f} s")
    assert found[found.index(b"Subject: "):] == text


def curl_and_mbsync_agree():
    def curl(url, *arguments):
        run = subprocess.run(["curl", "-sS", "-m", "30", "--cacert", env["CA_FILE"], url, *arguments],
                             input=mail("curl"), capture_output=True)
        assert run.returncode == 0, (url, run.stderr)
        return run.stdout

    login = ["-u", f"carol:{password}"]
    envelope = ["--mail-from", "carol@example.test", "--mail-rcpt", "erin@example.test", "-T", "-"]
    curl(f"smtp://localhost:{port['POSTFIX_SMTP']}", *login, *envelope)
    curl(f"smtp://localhost:{port['POSTFIX_SUBMISSION']}", "--ssl-reqd", *login, *envelope)
    curl(f"smtps://localhost:{port['POSTFIX_SMTPS']}", *login, *envelope)
    arrived("erin", 3)
    login = ["-u", f"erin:{password}"]
    for scheme, rest in ("imap", "/INBOX;MAILINDEX=1"), ("pop3", "/1"):
        clear, implicit = (port[f"DOVECOT_{scheme.upper()}{s}"] for s in ("", "S"))
        for url, more in ((f"{scheme}://localhost:{clear}", []), (f"{scheme}://localhost:{clear}", ["--ssl-reqd"]),
                          (f"{scheme}s://localhost:{implicit}", [])):
            assert curl(url + rest, *login, *more).endswith(mail("curl")), (url, more)
    token = ["-u", f"{env['OAUTH_USER']}:", "--oauth2-bearer", env["OAUTH_TOKEN"]]
    curl(f"imaps://localhost:{port['DOVECOT_IMAPS']}/INBOX", *token, "-X", "NOOP")
    with tempfile.TemporaryDirectory() as target:
        sync(target, f"{target}/mbsyncrc")


def sync(target, config):
    with open(config, "w") as file:
        file.write(f"IMAPStore far\nHost localhost\nPort {port['DOVECOT_IMAPS']}\nUser erin\nPass {password}\n"
                   f"SSLType IMAPS\nCertificateFile {env['CA_FILE']}\n\nMaildirStore near\nPath {target}/\n"
                   f"Inbox {target}/INBOX\n\nChannel all\nFar :far:\nNear :near:\nCreate Near\nSyncState *\n")
    subprocess.run(["mbsync", "-q", "-c", config, "all"], check=True)
    assert len(os.listdir(f"{target}/INBOX/new")) + len(os.listdir(f"{target}/INBOX/cur")) == 3


imaplib._MAXLINE = 1 << 20
for test in [f for f in list(globals().values()) if callable(f) and f.__module__ == "__main__"]:
    # A test is a function that takes nothing and says something in several words.
    if test.__code__.co_argcount == 0 and "_" in test.__name__:
        print(test.__name__.replace("_", " "), flush=True)
        test()
