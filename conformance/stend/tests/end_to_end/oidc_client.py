"""A stock OIDC client (Authlib) completes the code flow with PKCE from discovery alone.

argv: a JSON object {portal, ca, control, token, issuer, client_id, key, redirect_uri, citizen}. Prints the userinfo.
"""
import json
import sys
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

ask = json.loads(sys.argv[1])
http = requests.Session()
http.trust_env = False
http.verify = ask["ca"]
meta = http.get(ask["portal"] + "/.well-known/openid-configuration").json()
assert meta["issuer"] == ask["issuer"], meta["issuer"]

# Given as text, the library takes any key for an RSA one.
key = (ECKey if ask["alg"] == "ES256" else RSAKey).import_key(open(ask["key"], encoding="ascii").read())
client = OAuth2Session(ask["client_id"], key, redirect_uri=ask["redirect_uri"],
                       scope="openid fullname email", token_endpoint_auth_method="private_key_jwt",
                       code_challenge_method="S256")
client.trust_env = False
client.verify = ask["ca"]
client.register_client_auth_method(PrivateKeyJWT(meta["token_endpoint"], alg=ask["alg"]))
verifier = "v" * 64
url, state = client.create_authorization_url(meta["authorization_endpoint"], code_verifier=verifier, nonce="n-0S6_WzA2Mj")
act = http.post(ask["control"] + "/citizen/act", headers={"Authorization": "Bearer " + ask["token"]},
                json={"url": url, "citizen": ask["citizen"], "factors": {"password": "right", "second": "right"},
                      "decision": "approve"})
assert act.status_code == 200, act.text
back = act.json()["redirect"]
answer = parse_qs(urlsplit(back).query)
assert answer["state"] == [state] and answer["iss"] == [meta["issuer"]], back
tokens = client.fetch_token(meta["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier)
keys = KeySet.import_key_set(http.get(meta["jwks_uri"]).json())
identity = jwt.decode(tokens["id_token"], keys, algorithms=["RS256", "ES256"]).claims
assert identity["iss"] == meta["issuer"] and identity["aud"] in (ask["client_id"], [ask["client_id"]])
assert identity["nonce"] == "n-0S6_WzA2Mj"
person = client.get(meta["userinfo_endpoint"]).json()
assert person["sub"] == identity["sub"]
print(json.dumps(person, ensure_ascii=False))
