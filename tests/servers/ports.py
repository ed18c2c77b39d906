"""Loopback ports: picks free ones, and waits until servers answer on them.

usage: ports.py pick N
       ports.py wait ENVFILE SECONDS
"""
import random
import socket
import ssl
import sys
import threading
import time

# Below the range the kernel hands out to outgoing connections, so nobody takes a port between the probe
# and the server's own bind. Other starts of ours are kept away by a lock in `run`.
RANGE = range(20000, 32000)
# What the server says first, by the part of the key that names the protocol.
GREETINGS = {"IMAP": b"* ", "IMAPS": b"* ", "POP3": b"+OK", "POP3S": b"+OK"}


def pick(count):
    held = []
    for port in random.sample(RANGE, len(RANGE)):
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.close()
            continue
        held.append(probe)
        if len(held) == count:
            return [s.getsockname()[1] for s in held]
    sys.exit(f"no {count} free ports between {RANGE.start} and {RANGE.stop}")


def answers(key, port, tls):
    """One try: connects, goes through TLS if that comes first, and reads the greeting."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        server, protocol = key.split("_")[0], key.split("_")[-2]
        if server not in ("DOVECOT", "POSTFIX"):
            return True
        if protocol.endswith("S"):
            line = tls.wrap_socket(line, server_hostname="localhost")
        return line.recv(3).startswith(GREETINGS.get(protocol, b"220"))


def wait(env, seconds):
    """True when every port answered in time; says on stderr which did not, and why."""
    tls = ssl.create_default_context(cafile=env["CA_FILE"])
    tls.load_cert_chain(env["CLIENT_CERT"], env["CLIENT_KEY"])
    until, missing = time.monotonic() + seconds, {}

    def poll(key, port):
        while True:
            try:
                missing[key] = "another greeting"
                if answers(key, port, tls):
                    del missing[key]
                    return
            except OSError as error:
                missing[key] = error
            if time.monotonic() > until:
                return
            time.sleep(0.05)

    wanted = [(k, int(v)) for k, v in env.items() if k.endswith("_PORT") and k != "CLOSED_PORT"]
    polls = [threading.Thread(target=poll, args=w) for w in wanted]
    for thread in polls:
        thread.start()
    for thread in polls:
        thread.join()
    for key, why in missing.items():
        print(f"{key}={env[key]} does not answer: {why}", file=sys.stderr)
    return not missing


if sys.argv[1] == "pick":
    print(*pick(int(sys.argv[2])))
else:
    with open(sys.argv[2]) as file:
        lines = dict(line.strip().split("=", 1) for line in file if "=" in line)
    sys.exit(not wait(lines, float(sys.argv[3])))
