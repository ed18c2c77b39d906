import imaplib
from common import *

def ok(answer, want="OK"):
    assert answer[0] == want, answer
    return answer[1]

def walk(imap):
    imap.login("alice", "secret")
    assert {"IMAP4REV1", "IDLE", "UIDPLUS", "MOVE"} <= set(imap.capabilities), imap.capabilities
    ok(imap.namespace())
    names = ok(imap.list())
    assert any(b"\\Sent" in line for line in names), names
    ok(imap.create('"Arch/2024"'))
    assert any(line.endswith(b'"Arch"') for line in ok(imap.list('""', '"%"')))
    ok(imap.create('"M&APw-ll"'))
    assert any(line.endswith(b'"M&APw-ll"') for line in ok(imap.list()))
    ok(imap.delete('"M&APw-ll"'))
    ok(imap.subscribe("Arch"))
    assert any(line.endswith(b'"Arch"') for line in ok(imap.lsub()))
    ok(imap.append("Arch", "(\\Flagged note)", imaplib.Time2Internaldate(86400 * 365), MESSAGE))
    ok(imap.append("Arch", None, None, MESSAGE))
    assert ok(imap.status("Arch", "(MESSAGES UNSEEN UIDNEXT)"))[0].endswith(b"(MESSAGES 2 UNSEEN 2 UIDNEXT 3)")
    assert ok(imap.select("Arch")) == [b"2"]
    assert imap.recent()[1] in ([b"2"], [None]), imap.recent()
    assert ok(imap.search(None, "FLAGGED")) == [b"1"]
    assert ok(imap.search("UTF-8", "UNSEEN", "SUBJECT", "dots")) == [b"1 2"]
    assert ok(imap.uid("SEARCH", "UID", "2:*")) == [b"2"]
    answer = ok(imap.fetch("1", "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)"))[0]
    assert b"RFC822.SIZE %d" % len(MESSAGE) in answer and b" 1-Jan-1971 00:00:00 +0000" in answer and b"note" in answer, answer
    assert ok(imap.fetch("1", "(BODY.PEEK[])"))[0][1] == MESSAGE
    assert ok(imap.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1] == b"Subject: dots\r\n\r\n"
    assert ok(imap.fetch("1", "(BODY.PEEK[]<5.9>)"))[0][1] == MESSAGE[5:14]
    assert ok(imap.search(None, "SEEN")) == [b""]
    assert ok(imap.uid("FETCH", "1", "(RFC822)"))[0][1] == MESSAGE
    assert ok(imap.search(None, "SEEN")) == [b"1"]
    ok(imap.store("2", "+FLAGS", "(\\Deleted)"))
    assert b"\\Deleted" in ok(imap.fetch("2", "(FLAGS)"))[0]
    ok(imap.uid("COPY", "2", "Trash"))
    assert ok(imap.expunge()) == [b"2"]
    ok(imap.uid("MOVE", "1", "Trash"))
    assert ok(imap.select("Arch", readonly=True)) == [b"0"]
    ok(imap.select("Trash"))
    ok(imap.uid("STORE", "1:*", "+FLAGS.SILENT", "\\Deleted"))
    ok(imap.close())
    assert ok(imap.select("Trash")) == [b"0"]
    ok(imap.unselect())
    ok(imap.rename("Arch", "Old"))
    ok(imap.delete("Old/2024"))
    ok(imap.delete("Old"))
    ok(imap.select("Old"), "NO")
    ok(imap.append("Old", None, None, MESSAGE), "NO")
    imap.logout()

walk(imaplib.IMAP4(HOST, PORTS["IMAP"], timeout=20))
starttls = imaplib.IMAP4(HOST, PORTS["IMAP"], timeout=20)
starttls.starttls(TLS)
walk(starttls)
walk(imaplib.IMAP4_SSL(HOST, PORTS["IMAPS"], ssl_context=TLS, timeout=20))

plain = imaplib.IMAP4(HOST, PORTS["IMAP"], timeout=20)
plain.authenticate("PLAIN", lambda _: b"\0alice\0secret")
ok(plain.enable("UTF8=ACCEPT"))
ok(plain.create('"M\u00fcll"'))
assert any('"M\u00fcll"'.encode() in line for line in ok(plain.list()))
ok(plain.append('"M\u00fcll"', None, None, MESSAGE))
assert ok(plain.select('"M\u00fcll"')) == [b"1"]
# imaplib puts the UTF8 (...) of RFC 6855 into the literal itself, so that is what is kept.
assert MESSAGE in ok(plain.fetch("1", "(BODY[])"))[0][1]
ok(plain.unselect())
ok(plain.delete('"M\u00fcll"'))
plain.logout()

wrong = imaplib.IMAP4(HOST, PORTS["IMAP"], timeout=20)
try:
    wrong.login("alice", "wrong")
    raise SystemExit("the wrong password was right")
except imaplib.IMAP4.error as error:
    assert "AUTHENTICATIONFAILED" in str(error), error
wrong.logout()
