import smtplib
from common import *

def deliver(smtp):
    smtp.login("alice", "secret")
    assert smtp.sendmail("alice@example.test", ["bob@example.test"], MESSAGE, mail_options=["BODY=8BITMIME"]) == {}
    refused = smtp.sendmail("", ["bob@example.test", "nobody@example.test", "later@example.test"], MESSAGE)
    assert refused["nobody@example.test"][0] == 550, refused
    assert refused["later@example.test"][0] == 451, refused
    assert smtp.verify("bob")[0] == 252
    assert smtp.noop()[0] == 250
    smtp.quit()

for mechanism in ("plain", "login"):
    with_mechanism = smtplib.SMTP(HOST, PORTS["SMTP"], timeout=20)
    with_mechanism.ehlo()
    with_mechanism.user, with_mechanism.password = "alice", "secret"
    assert with_mechanism.auth(mechanism.upper(), getattr(with_mechanism, "auth_" + mechanism))[0] == 235
    with_mechanism.quit()

deliver(smtplib.SMTP(HOST, PORTS["SMTP"], timeout=20))
starttls = smtplib.SMTP(HOST, PORTS["SMTP"], timeout=20)
starttls.starttls(context=TLS)
deliver(starttls)
deliver(smtplib.SMTP_SSL(HOST, PORTS["SMTPS"], context=TLS, timeout=20))

wrong = smtplib.SMTP(HOST, PORTS["SMTP"], timeout=20)
try:
    wrong.login("alice", "wrong")
    raise SystemExit("the wrong password was right")
except smtplib.SMTPAuthenticationError as error:
    assert error.smtp_code == 535
wrong.quit()
