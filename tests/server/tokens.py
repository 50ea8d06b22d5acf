#!/usr/bin/env python3
"""Makes tokens.tsv: tokens for test_auth.c, by Python's hmac and nothing of ours.

    tests/server/tokens.py > tests/server/tokens.tsv
    tests/server/tokens.py --check tests/server/tokens.tsv

A line: name, audience, events claim ("-": not given), now, expected, token. Expected is "ok", or
what the reason of the refusal must contain.
"""
import base64
import hashlib
import hmac
import json
import sys

SECRET = b"0123456789abcdef0123456789abcdef"  # also in test_auth.c
NOW = 1_700_000_000
HEADER = '{"alg":"HS256","typ":"JWT"}'


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(payload, header=HEADER, secret=SECRET, digest=hashlib.sha256):
    text = b64(header.encode()) + "." + b64(payload if isinstance(payload, bytes) else payload.encode())
    return text + "." + b64(hmac.new(secret, text.encode(), digest).digest())


def resign(text):
    return text + "." + b64(hmac.new(SECRET, text.encode(), hashlib.sha256).digest())


def claims(**members):
    return json.dumps(members, separators=(",", ":"))


GOOD = sign(claims(sub="ada", exp=NOW + 60))
head, body, signature = GOOD.split(".")
other = "B" if signature[9] != "B" else "C"
last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
unused = signature[:-1] + last[last.index(signature[-1]) + 1]  # the same bytes, other unused bits

rows = []


def row(name, expected, token, now=NOW, audience="-", events="-"):
    rows.append((name, audience, events, str(now), expected, token))


def refused(name, expected, payload, **more):
    row(name, expected, sign(payload), **more)


row("good", "ok", GOOD)
row("no claims at all", "ok", sign("{}"))
row("header of other order, with typ and kid", "ok", sign("{}", '{ "kid":"1", "typ":"JWT","alg" : "HS256" }'))

# The signature.
row("signature changed", "not by this secret", f"{head}.{body}.{signature[:9]}{other}{signature[10:]}")
row("unused bits of the signature", "not one of HS256", f"{head}.{body}.{unused}")
row("signature cut", "not one of HS256", GOOD[:-1])
row("signature longer", "not one of HS256", GOOD + "A")
row("signature padded", "not one of HS256", GOOD + "=")
row("signature gone", "not one of HS256", f"{head}.{body}.")
row("payload changed", "not by this secret", f"{head}.{body[:-2]}AA.{signature}")
row("another secret", "not by this secret", sign("{}", secret=SECRET[:-1] + b"!"))
row("a secret that is a prefix", "not by this secret", sign("{}", secret=SECRET[:-1]))
row("an empty secret", "not by this secret", sign("{}", secret=b""))

# The algorithm.
row("alg none, unsigned", "not one of HS256", b64(b'{"alg":"none"}') + "." + b64(b"{}") + ".")
row("alg none, signed", "alg is not HS256", sign("{}", '{"alg":"none"}'))
row("alg None", "alg is not HS256", sign("{}", '{"alg":"None"}'))
row("alg hs256", "alg is not HS256", sign("{}", '{"alg":"hs256"}'))
row("alg RS256 signed by the secret", "alg is not HS256", sign("{}", '{"alg":"RS256"}'))
row("alg HS512 signed as HS256", "alg is not HS256", sign("{}", '{"alg":"HS512"}'))
row("HS384", "not one of HS256", sign("{}", '{"alg":"HS384"}', digest=hashlib.sha384))
row("HS512", "not one of HS256", sign("{}", '{"alg":"HS512"}', digest=hashlib.sha512))
row("no alg", "alg is not HS256", sign("{}", '{"typ":"JWT"}'))
row("alg twice", "header has a member twice", sign("{}", '{"alg":"HS256","alg":"none"}'))
row("alg twice by an escape", "header has a member twice", sign("{}", '{"alg":"HS256","\\u0061lg":"none"}'))
row("alg a list", "alg is not HS256", sign("{}", '{"alg":["HS256"]}'))
row("crit", "crit", sign("{}", '{"alg":"HS256","crit":["b64"],"b64":false}'))
row("header no object", "header is not a JSON object", sign("{}", '"HS256"'))
row("header of HTML", "header is not", sign("{}", "<html>"))

# The shape.
row("empty", "three parts", "")
row("one part", "three parts", head)
row("two parts", "three parts", f"{head}.{body}")
row("four parts", "three parts", GOOD + "." + body)
row("dots only", "not one of HS256", "..")
row("a JWE", "three parts", ".".join([head, body, body, body, signature]))
row("standard base64 in the payload", "payload is not base64url", resign(head + "." + base64.b64encode(b'{"a":"\xc3\xbf?>~~~"}').decode().rstrip("=")))
row("padded payload", "payload is not base64url", resign(head + "." + base64.urlsafe_b64encode(b'{"a":11}').decode()))
row("line break in the payload", "payload is not base64url", resign(head + "." + body[:4] + "\\n" + body[4:]))
row("payload of an impossible length", "payload is not base64url", resign(head + ".AAAAA"))
row("payload with unused bits", "payload is not base64url", resign(head + "." + "e31"))
row("empty payload", "payload is not a JSON object", resign(head + "."))
row("4096 bytes", "ok", sign('{"a":"' + "x" * 3003 + '"}'))
row("4097 bytes", "more than 4096", sign('{"a":"' + "x" * 3004 + '"}'))
refused("payload a list", "payload is not a JSON object", "[1]")
refused("payload null", "payload is not a JSON object", "null")
refused("payload cut", "not JSON", '{"sub":"ada"')
refused("something behind", "not JSON", "{}{}")
refused("not UTF-8", "not JSON", b'{"sub":"\xff"}')
refused("a NUL", "u0000", '{"sub":"a\\u0000b"}')
refused("too deep", "nested deeper", '{"a":' + "[" * 70 + "]" * 70 + "}")
refused("65 members", "more than 64 members", claims(**{f"c{i}": i for i in range(65)}))
row("64 members", "ok", sign(claims(**{f"c{i}": i for i in range(64)})))

# Times. The leeway is 10 s.
refused("exp just within the leeway", "ok", claims(exp=NOW - 9))
refused("exp just outside of it", "expired 10 s ago", claims(exp=NOW - 10))
refused("exp with a fraction", "ok", '{"exp":1699999990.5}')
refused("exp with a fraction, over", "expired", '{"exp":1699999989.5}')
refused("exp as an exponent", "ok", '{"exp":17e8}')
refused("exp a string", "exp must be a number of seconds, not a string", claims(exp=str(NOW + 60)))
refused("exp null", "exp must be a number of seconds, not null", claims(exp=None))
refused("exp true", "exp must be a number of seconds, not a boolean", claims(exp=True))
refused("exp negative", "expired", claims(exp=-1))
refused("exp hugely negative", "expired", '{"exp":-1e308}')
refused("exp zero", "expired", claims(exp=0))
refused("exp huge", "ok", '{"exp":1e308}')
refused("exp too large for a double", "JSON not supported", '{"exp":1e400}')
refused("exp of 2^63", "ok", claims(exp=2**63))
refused("exp of 2^64 + 1", "ok", claims(exp=2**64 + 1))
refused("exp twice", "payload has a member twice", '{"exp":1,"exp":1800000000}')
refused("exp twice by an escape", "payload has a member twice", '{"exp":1800000000,"\\u0065xp":1}')
refused("nbf now", "ok", claims(nbf=NOW))
refused("nbf within the leeway", "ok", claims(nbf=NOW + 10))
refused("nbf outside of it", "not valid before", claims(nbf=NOW + 11))
refused("nbf a string", "nbf must be a number", claims(nbf="0"))
refused("nbf huge", "not valid before", '{"nbf":1e308}')
refused("nbf twice", "member twice", '{"nbf":0,"nbf":0}')
refused("a clock before 1970", "ok", claims(exp=60), now=-5)

# Audience and subject.
refused("aud that nobody asked for", "--auth-audience is not given", claims(aud="evd"))
refused("aud missing", "--auth-audience is given", "{}", audience="evd")
refused("aud right", "ok", claims(aud="evd"), audience="evd")
refused("aud right, by an escape", "ok", '{"aud":"\\u0065vd"}', audience="evd")
refused("aud wrong", "somebody else", claims(aud="evdx"), audience="evd")
refused("aud in a list", "ok", claims(aud=["x", "evd"]), audience="evd")
refused("aud not in a list", "somebody else", claims(aud=["x", "y"]), audience="evd")
refused("aud an empty list", "somebody else", claims(aud=[]), audience="evd")
refused("aud a list of lists", "somebody else", claims(aud=[["evd"]]), audience="evd")
refused("aud a number", "aud must be", claims(aud=1), audience="evd")
refused("sub a number", "sub must be a string", claims(sub=7))

# Lists of events.
refused("events", "ok", claims(events=["api.hello.greeting", "api.services.*"]))
refused("events empty", "ok", claims(events=[]))
refused("events with white space", "ok", '{"events" : [ "a.b" , "c.*" ] }')
refused("events a string", "events must be an array", claims(events="api.hello.greeting"))
refused("events null", "events must be an array", claims(events=None))
refused("events of numbers", "events must hold names", claims(events=[1]))
refused("an empty event", "events must hold events", claims(events=[""]))
refused("a star within", "events must hold events", claims(events=["api.*.greeting"]))
refused("a star behind letters", "events must hold events", claims(events=["api.gr*"]))
refused("a dot at the end", "events must hold events", claims(events=["api."]))
refused("an empty segment", "events must hold events", claims(events=["api..x"]))
refused("a star and a dot only", "events must hold events", claims(events=[".*"]))
refused("an event of 255 bytes", "ok", claims(events=["a." + "b" * 253]))
refused("an event of 256 bytes", "events must hold events", claims(events=["a." + "b" * 254]))
refused("64 events", "ok", claims(events=[f"m.f{i}" for i in range(64)]))
refused("65 events", "more than 64 names", claims(events=[f"m.f{i}" for i in range(65)]))
refused("the named claim", "ok", claims(may=["a.b"]), events="may")
refused("the named claim is missing", "has no may", claims(events=["a.b"]), events="may")
refused("events twice", "member twice", '{"events":[],"events":["*"]}')

# For tests/end_to_end/e2e_auth.c.
refused("ada for ever", "ok", '{"sub":"ada","role":"admin","n":[1, 2]}')
refused("only some", "ok", claims(sub="bob", events=["whoami.claims", "api.hello.*"]))

text = "".join("\t".join(columns) + "\n" for columns in rows)
if len(sys.argv) == 3 and sys.argv[1] == "--check":
    with open(sys.argv[2], encoding="utf-8") as file:
        if file.read() != text:
            sys.exit(f"{sys.argv[2]} is not what {sys.argv[0]} makes")
else:
    sys.stdout.write(text)
