import poplib
from common import *

def read(pop, login):
    login(pop)
    count, size = pop.stat()
    assert (count, size) == (2, 2 * len(MESSAGE)), (count, size)
    for number in (1, 2):
        lines = pop.retr(number)[1]
        assert b"".join(line + b"\r\n" for line in lines) == MESSAGE
    assert pop.top(1, 2)[1][-2:] == [b".", b".."], pop.top(1, 2)
    assert len(set(line.split()[1] for line in pop.uidl()[1])) == 2
    assert pop.list()[1] == [b"%d %d" % (n, len(MESSAGE)) for n in (1, 2)]
    pop.dele(1)
    assert pop.stat()[0] == 1
    pop.rset()
    pop.noop()
    pop.quit()

def password(pop):
    pop.user("bob")
    pop.pass_("hunter two")

def busy(pop):
    password(pop)
    other = poplib.POP3(HOST, PORTS["POP3"], timeout=20)
    try:
        password(other)
        raise SystemExit("two sessions in one maildrop")
    except poplib.error_proto as error:
        assert b"[IN-USE]" in error.args[0], error
    other.quit()
    pop.quit()

clear = lambda: poplib.POP3(HOST, PORTS["POP3"], timeout=20)
def stls():
    pop = clear()
    assert "STLS" in pop.capa()
    pop.stls(context=TLS)
    assert "STLS" not in pop.capa()
    return pop
implicit = lambda: poplib.POP3_SSL(HOST, PORTS["POP3S"], context=TLS, timeout=20)

for connect in (clear, stls, implicit):
    read(connect(), password)
read(clear(), lambda pop: pop.apop("bob", "hunter two"))
busy(clear())

wrong = clear()
wrong.user("bob")
try:
    wrong.pass_("nope")
    raise SystemExit("the wrong password was right")
except poplib.error_proto as error:
    assert b"[AUTH]" in error.args[0], error
wrong.quit()

dropped = clear()
password(dropped)
dropped.dele(1)
dropped.close()  # no QUIT, so nothing goes

# The maildrop is locked until the server saw the end of that connection: ask until it has.
for _ in range(1000):
    last = clear()
    try:
        password(last)
        break
    except poplib.error_proto:
        last.quit()
assert last.stat()[0] == 2
last.dele(1)
last.dele(2)
last.quit()
