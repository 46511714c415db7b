"""The two ways of signing in, and what is read afterwards."""
import base64
import hashlib
import json
import os
import secrets
import subprocess
import time
from datetime import datetime, timezone
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

import defects
from refusal import Refusal

PORTAL, ISSUER = os.environ["PORTAL"].rstrip("/"), os.environ["ISSUER"]
CLIENT_ID, KEY, CERT = os.environ["CLIENT_ID"], os.environ["KEY"], os.environ["CERT"]
# ESIA writes header members of its own; the library would refuse any that is not registered.
REGISTRY = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
HTTP_LIMIT = {"timeout": 10, "allow_redirects": False, "verify": os.environ["CA"]}
FIELDS = {"firstName": "first_name", "lastName": "last_name", "middleName": "middle_name", "birthDate": "birth_date",
          "snils": "snils", "inn": "inn", "given_name": "first_name", "family_name": "last_name",
          "middle_name": "middle_name", "birthdate": "birth_date", "phone_number": "phone", "email": "email"}
FIELD_SCOPE = {"first_name": "fullname", "last_name": "fullname", "middle_name": "fullname", "birth_date": "birthdate",
               "snils": "snils", "inn": "inn", "phone": "mobile", "email": "email"}


def fetch(method, url, **rest):
    """One call; the answer's JSON object, or a refusal that says what was wrong."""
    try:
        response = requests.request(method, url, **HTTP_LIMIT, **rest)
    except requests.exceptions.RequestException as cause:
        raise Refusal("transport", "Портал недоступен или не подтвердил себя") from cause
    return read(response)


def read(response):
    if response.status_code in (401, 403):
        raise Refusal("consent", "Портал не разрешил доступ к сведениям")
    if response.status_code == 429 or response.status_code >= 500:
        raise Refusal("transport", "Портал временно не отвечает")
    if response.status_code != 200 or "json" not in response.headers.get("Content-Type", ""):
        raise Refusal("format", "Ответ портала не удалось прочитать")
    try:
        data = response.json()
    except ValueError as cause:
        raise Refusal("format", "Ответ портала не удалось прочитать") from cause
    if not isinstance(data, dict):
        raise Refusal("format", "Ответ портала не удалось прочитать")
    return data


class Client:
    """What both protocols share: judging the answer, the ID token, reading the debts."""

    def __init__(self, redirect_uri):
        self.redirect_uri = redirect_uri

    def stray(self, ask, query):
        return query.get("state") != [ask["state"]]

    def redeem(self, ask, query):
        if any(len(values) != 1 for values in query.values()):
            raise Refusal("format", "Ответ портала содержит повторы")
        if "error" in query:
            if "code" in query:
                raise Refusal("format", "Ответ портала противоречив")
            raise Refusal("consent", "Портал не подтвердил вход")
        self.check_answer(ask, query)
        if "code" not in query:
            raise Refusal("format", "В ответе портала нет кода")
        answer = self.token(ask, query["code"][0])
        if str(answer.get("token_type", "")).lower() != "bearer" or not answer.get("access_token"):
            raise Refusal("format", "Портал не выдал пригодный маркер")
        if not isinstance(answer.get("id_token"), str):
            raise Refusal("format", "Портал не подтвердил, кто вошёл")
        claims = self.identity(ask, answer)
        granted = (answer.get("scope") or " ".join(ask["scopes"])).split()
        customer = {"oid": self.oid(claims), "token": answer["access_token"], "level": claims.get("acr"),
                    "scopes": [s.split("?")[0] for s in granted if s.split("?")[0] in ask["scopes"]]}
        if "consent" in answer:
            customer["consent"] = answer["consent"]
        else:
            customer["profile"] = self.profile(customer)
        return customer

    def check_answer(self, ask, query):
        pass

    def identity(self, ask, answer):
        """The ID token, checked in full by the library, and what it leaves to us by hand."""
        keys = fetch("GET", PORTAL + "/.well-known/jwks.json")
        try:
            known = {"keys": [k for k in keys.get("keys", []) if k.get("kty") in ("RSA", "EC") and k.get("use", "sig") == "sig"]}
            token = jwt.decode(answer["id_token"], KeySet.import_key_set(known), registry=REGISTRY)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as cause:
            raise Refusal("signature", "Подпись портала не подтвердилась") from cause
        claims, now = token.claims, time.time()
        if token.header.get("sbt") not in (None, "id"):
            raise Refusal("format", "Вместо маркера идентификации выдан другой")
        if claims.get("iss") != ISSUER:
            raise Refusal("issuer", "Маркер выдан не порталом")
        audience = claims.get("aud")
        if audience not in (CLIENT_ID, [CLIENT_ID]) or claims.get("azp", CLIENT_ID) != CLIENT_ID:
            raise Refusal("audience", "Маркер выдан не нашему банку")
        for name in ("exp", "iat"):
            if not isinstance(claims.get(name), (int, float)):
                raise Refusal("time", "У маркера нет срока")
        if claims["exp"] <= now or claims["iat"] > now + 60 or claims["iat"] < now - 3600 or claims.get("nbf", 0) > now + 60:
            raise Refusal("time", "Маркер вне своего срока")
        if "nonce" in ask and claims.get("nonce") != ask["nonce"]:
            raise Refusal("replay", "Маркер не от этого входа")
        if "at_hash" in claims:
            half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
            if claims["at_hash"] != base64.urlsafe_b64encode(half).decode().rstrip("="):
                raise Refusal("binding", "Маркеры не от одного ответа")
        return claims

    def profile(self, customer):
        person = self.person(customer)
        found = {}
        for name, ours in FIELDS.items():
            if isinstance(person.get(name), str) and person[name] and FIELD_SCOPE[ours] in customer["scopes"]:
                found[ours] = person[name]
        if "birth_date" in found and "." in found["birth_date"]:
            found["birth_date"] = "-".join(reversed(found["birth_date"].split(".")))
        return found

    def debts(self, customer):
        token = self.data_token(customer)
        items, totals = [], None
        page = f"/api/v1/debts?person={customer['oid']}&purpose=CREDIT"
        while page:
            address = urljoin(PORTAL, page)
            if urlsplit(address).netloc != urlsplit(PORTAL).netloc:
                raise Refusal("transport", "Следующая страница лежит на чужом узле")
            answer = fetch("GET", address, headers={"Authorization": "Bearer " + token})
            try:
                items += [dict(item, amount=defects.amount(item["amount"])) for item in answer["items"]]
                totals, page = answer["totals"], defects.next_page(answer.get("next"))
            except (KeyError, TypeError) as cause:
                raise Refusal("format", "Ответ портала не удалось прочитать") from cause
        return {"items": items, "totals": totals}

    def permissions(self, purpose):
        ask = [{"sysname": "CREDIT", "expire": 43200, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
                "purposes": [{"sysname": purpose}], "scopes": [{"sysname": "debts"}]}]
        return base64.urlsafe_b64encode(json.dumps(ask).encode()).decode().rstrip("=")


class Pinned(requests.adapters.HTTPAdapter):
    """The library's own calls never follow a redirect with our credentials."""

    def send(self, request, **rest):
        response = super().send(request, **{**rest, "timeout": 10})
        if response.is_redirect:
            raise Refusal("transport", "Портал переадресовал запрос")
        return response


class Oidc(Client):
    """Plain OpenID Connect by a stock library: discovery, PKCE, private_key_jwt."""

    def __init__(self, redirect_uri):
        super().__init__(redirect_uri)
        self.meta = None

    def session(self, **rest):
        if self.meta is None:
            meta = fetch("GET", PORTAL + "/.well-known/openid-configuration")
            if meta.get("issuer") != ISSUER:
                raise Refusal("issuer", "Портал назвался чужим именем")
            self.meta = meta
        kind = "ES256" if b"ASN1 OID" in openssl("pkey", "-in", KEY, "-noout", "-text") else "RS256"
        session = OAuth2Session(CLIENT_ID, open(KEY, encoding="ascii").read(), redirect_uri=self.redirect_uri,
                                token_endpoint_auth_method="private_key_jwt", code_challenge_method="S256", **rest)
        session.register_client_auth_method(PrivateKeyJWT(ISSUER, alg=kind, headers={"kid": certificate_hash()}))
        # Otherwise the library prefers the certificates that the environment names.
        session.trust_env = False
        session.verify = os.environ["CA"]
        session.mount("https://", Pinned())
        return session

    def ask(self, scopes, purpose):
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        more = {"permissions": self.permissions(purpose)} if purpose else {}
        session = self.session(scope=" ".join(dict.fromkeys(["openid", *scopes])))
        url, state = session.create_authorization_url(self.meta["authorization_endpoint"], state=secrets.token_urlsafe(24),
                                                      nonce=nonce, code_verifier=verifier, **more)
        return {"url": url, "state": state, "nonce": nonce, "verifier": verifier, "scopes": scopes}

    def check_answer(self, ask, query):
        if query.get("iss") != [ISSUER]:
            raise Refusal("issuer", "Ответил не наш портал")

    def call(self, **rest):
        try:
            return dict(self.session().fetch_token(self.meta["token_endpoint"], **rest))
        except Refusal:
            raise
        except requests.exceptions.RequestException as cause:
            raise Refusal("transport", "Портал недоступен или не подтвердил себя") from cause
        except Exception as cause:  # the library raises its own kinds for refused and unreadable answers
            raise Refusal("format", "Портал не выдал маркер") from cause

    def token(self, ask, code):
        return self.call(grant_type="authorization_code", code=code, code_verifier=ask["verifier"],
                         redirect_uri=self.redirect_uri)

    def data_token(self, customer):
        return self.call(grant_type="client_credentials", scope=f"prm_chg?oid={customer['oid']}",
                         consent=customer["consent"])["access_token"]

    def oid(self, claims):
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise Refusal("format", "Портал не назвал, кто вошёл")
        return claims["sub"]

    def person(self, customer):
        person = fetch("GET", self.meta["userinfo_endpoint"], headers={"Authorization": "Bearer " + customer["token"]})
        if person.get("sub") != customer["oid"]:
            raise Refusal("binding", "Сведения относятся к другому человеку")
        return person


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True).stdout


def certificate_hash():
    return hashlib.sha256(openssl("x509", "-in", CERT, "-outform", "DER")).hexdigest().upper()


class Esia(Client):
    """ESIA v2/v3: a raw signature by the openssl command, and the certificate's hash."""

    def signed(self, scope, more, *tail):
        stamp = datetime.now(timezone.utc).strftime("%Y.%m.%d %H:%M:%S +0000")
        state = more.pop("state", None) or secrets.token_hex(16)
        text = "".join([CLIENT_ID, scope, stamp, state, self.redirect_uri, *tail])
        signature = openssl("dgst", "-sha256", "-sign", KEY, data=text.encode())
        return {"client_id": CLIENT_ID, "scope": scope, "timestamp": stamp, "state": state,
                "redirect_uri": self.redirect_uri, "client_certificate_hash": certificate_hash(),
                "client_secret": base64.urlsafe_b64encode(signature).decode(), **more}

    def ask(self, scopes, purpose):
        scopes = list(dict.fromkeys(["openid", *scopes]))
        more = {"permissions": self.permissions(purpose)} if purpose else {}
        query = self.signed(" ".join(scopes), {"response_type": "code", "access_type": "online", **more})
        return {"url": PORTAL + "/aas/oauth2/v2/ac?" + urlencode(query), "state": query["state"], "scopes": scopes}

    def call(self, form):
        answer = fetch("POST", PORTAL + "/aas/oauth2/v3/te", data=form)
        if answer.get("state") != form["state"]:
            raise Refusal("state", "Ответ не относится к этому запросу")
        return answer

    def token(self, ask, code):
        return self.call(self.signed(" ".join(ask["scopes"]), {"grant_type": "authorization_code", "code": code,
                                                               "token_type": "Bearer"}, code))

    def data_token(self, customer):
        form = self.signed(f"prm_chg?oid={customer['oid']}", {"grant_type": "client_credentials", "token_type": "Bearer",
                                                             "consent": customer["consent"]})
        return self.call(form)["access_token"]

    def oid(self, claims):
        oid = claims.get("urn:esia:sbj", {}).get("urn:esia:sbj:oid", claims.get("sub"))
        if not oid or str(claims.get("sub", "")) not in ("", str(oid)):
            raise Refusal("format", "Портал не назвал, кто вошёл")
        return str(oid)

    def person(self, customer):
        return fetch("GET", f"{PORTAL}/rs/prns/{customer['oid']}?embed=(contacts.elements)",
                     headers={"Authorization": "Bearer " + customer["token"]})
