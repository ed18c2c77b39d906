"""Prints an OAuth 2.0 access token that our Dovecot accepts: a JWT, signed with the secret in KEYFILE.

usage: oauth.py KEYFILE USER SECONDS_VALID     (KEYFILE: base64, made by `run start`)
"""
import base64
import hashlib
import hmac
import json
import sys
import time


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


keyfile, user, valid = sys.argv[1:]
with open(keyfile) as file:
    secret = base64.b64decode(file.read())
now = int(time.time())
# A minute back, so that no clock is ahead of ours.
claims = {"sub": user, "iat": now - 60, "nbf": now - 60, "exp": now + int(valid)}
signed = ".".join(text(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
print(signed + "." + text(hmac.new(secret, signed.encode(), hashlib.sha256).digest()))
