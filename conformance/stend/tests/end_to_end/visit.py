"""What the strangers share: their words at the portal, the citizen's consent and the bank's tokens, on stock libraries.

argv: a JSON object {portal, ca, control, token, issuer, client_id, key, certificate, redirect_uri, citizen,
scopes}; `key` is a PEM file, and `token` needs one on P-256.
"""
import base64
import json
import sys
import uuid
from datetime import datetime
from urllib.parse import urlencode

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

ask = json.loads(sys.argv[1])
http = requests.Session()
http.trust_env = False
http.verify = ask["ca"]


def tell(method, path, body=None):
    """A call of the control API."""
    answer = http.request(method, ask["control"] + path, headers={"Authorization": "Bearer " + ask["token"]}, json=body)
    assert answer.status_code < 300, f"{method} {path}: {answer.text}"
    return answer.json()


def consent():
    """The citizen lets the bank have these data."""
    permissions = [{"sysname": "CREDIT", "expire": 60, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
                    "purposes": [{"sysname": "CREDIT"}], "scopes": [{"sysname": scope} for scope in ask["scopes"]]}]
    packed = base64.urlsafe_b64encode(json.dumps(permissions).encode()).decode().rstrip("=")
    query = {"response_type": "code", "client_id": ask["client_id"], "redirect_uri": ask["redirect_uri"],
             "scope": "openid", "state": str(uuid.uuid4()), "nonce": "n", "code_challenge": "E" * 43,
             "code_challenge_method": "S256", "permissions": packed}
    acted = tell("POST", "/citizen/act", {"url": ask["portal"] + "/oidc/authorize?" + urlencode(query),
                                          "citizen": ask["citizen"]})
    assert "code=" in acted["redirect"], acted


def person():
    return str(tell("GET", "/citizens/" + ask["citizen"])["oid"])


def token(scope, **more):
    """A token of the bank itself, by its signed assertion."""
    # The sandbox's time, which a test may have moved.
    now = int(datetime.fromisoformat(tell("GET", "/clock")["now"]).timestamp())
    claims = {"iss": ask["client_id"], "sub": ask["client_id"], "aud": ask["issuer"], "iat": now, "exp": now + 60,
              "jti": str(uuid.uuid4())}
    key = ECKey.import_key(open(ask["key"], encoding="ascii").read())
    answer = http.post(ask["portal"] + "/oidc/token", data={
        "grant_type": "client_credentials", "scope": scope, **more,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "ES256"}, claims, key)})
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]
