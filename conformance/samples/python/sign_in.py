"""The two ways of signing in, who it is that did, and the tokens by which data are read."""
import hashlib
import json
import os
import secrets
import time
from datetime import datetime, timezone
from urllib.parse import urlencode

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry

import keys
from refusal import Refusal
from wire import NotAuthorised, fetch

PORTAL, ISSUER = os.environ["PORTAL"].rstrip("/"), os.environ["ISSUER"]
CLIENT_ID, TOKEN_ALG = os.environ["CLIENT_ID"], os.environ.get("TOKEN_ALG") or "RS256"
# What the customer consents to the data being used for.
PURPOSE = "CREDIT"
# ESIA writes header members of its own; the library would refuse any that is not registered.
REGISTRY = JWSRegistry(algorithms=[TOKEN_ALG], strict_check_header=False)
FIELDS = {"firstName": "first_name", "lastName": "last_name", "middleName": "middle_name", "birthDate": "birth_date",
          "snils": "snils", "inn": "inn", "given_name": "first_name", "family_name": "last_name",
          "middle_name": "middle_name", "birthdate": "birth_date", "phone_number": "phone", "email": "email"}
FIELD_SCOPE = {"first_name": "fullname", "last_name": "fullname", "middle_name": "fullname", "birth_date": "birthdate",
               "snils": "snils", "inn": "inn", "phone": "mobile", "email": "email"}


class Client:
    """What both protocols share: judging the answer, the ID token, reading the profile."""

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
        customer = {"oid": self.oid(claims), "token": answer["access_token"], "refresh": answer.get("refresh_token"),
                    "consents": {}, "scopes": [s.split("?")[0] for s in granted if s.split("?")[0] in ask["scopes"]]}
        if "consent" in answer:
            customer["consent"] = answer["consent"]
        else:
            customer["profile"] = self.profile(customer)
        return customer

    def check_answer(self, ask, query):
        pass

    def identity(self, ask, answer):
        """The ID token, its signature checked by the library (GOST: by the engine), the rest by hand."""
        (header, claims), now = self.signed_token(answer["id_token"]), time.time()
        if header.get("sbt") not in (None, "id"):
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
            access = answer["access_token"].encode()
            digest = hashlib.sha256(access).digest() if header["alg"] != keys.TOKEN_ALG else keys.streebog(access)
            if claims["at_hash"] != keys.encode(digest[:16]):
                raise Refusal("binding", "Маркеры не от одного ответа")
        if not LEVELS.get(ask["level"], lambda _: True)(claims):
            raise Refusal("level", "Для этой операции вход или учётная запись недостаточно надёжны")
        return claims

    def signed_token(self, token):
        known = fetch("GET", PORTAL + "/.well-known/jwks.json").get("keys", [])
        if TOKEN_ALG == keys.TOKEN_ALG:
            return keys.verified(token, known)
        try:
            plain = [k for k in known if k.get("kty") in ("RSA", "EC") and k.get("use", "sig") == "sig"]
            token = jwt.decode(token, KeySet.import_key_set({"keys": plain}), registry=REGISTRY)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as cause:
            raise Refusal("signature", "Подпись портала не подтвердилась") from cause
        return token.header, token.claims

    def profile(self, customer):
        try:
            person = self.person(customer)
        except NotAuthorised:
            # One new token, one more try; a renewal that is refused is not repeated.
            renewal = customer.pop("refresh", None)
            if not renewal:
                raise
            answer = self.renew(customer, renewal)
            if str(answer.get("token_type", "")).lower() != "bearer" or not answer.get("access_token"):
                raise Refusal("format", "Портал не выдал пригодный маркер") from None
            customer.update(token=answer["access_token"], refresh=answer.get("refresh_token") or renewal)
            person = self.person(customer)
        found = {}
        for name, ours in FIELDS.items():
            if isinstance(person.get(name), str) and person[name] and FIELD_SCOPE[ours] in customer["scopes"]:
                found[ours] = person[name]
        if "birth_date" in found and "." in found["birth_date"]:
            found["birth_date"] = "-".join(reversed(found["birth_date"].split(".")))
        return found

    def wishes(self, data, level):
        """What a visit to the portal is for: a consent to data, or a sign-in that can be renewed."""
        more = {"acr_values": "urn:esia:acr:2fa"} if level == "2fa" else {}
        if data:
            return {"access_type": "online", "permissions": self.permissions(data), **more}
        return {"access_type": "offline", **more}

    def permissions(self, data):
        ask = [{"sysname": "CREDIT", "expire": 43200, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
                "purposes": [{"sysname": PURPOSE}], "scopes": [{"sysname": data}]}]
        return keys.encode(json.dumps(ask).encode())


def has_second_factor(claims):
    acr, amr = claims.get("acr"), claims.get("amr")
    if isinstance(acr, dict):
        return acr.get("2fa", "none") != "none"
    return "2fa" in str(acr) if acr else isinstance(amr, list) and "otp" in amr


def is_confirmed(claims):
    return claims.get("trusted") is True or claims.get("urn:esia:sbj", {}).get("urn:esia:sbj:is_tru") is True


# What an action may ask of the sign-in.
LEVELS = {"2fa": has_second_factor, "confirmed": is_confirmed}


class GostKeyJWT(PrivateKeyJWT):
    """The library builds no assertion by a GOST key; all else about the method stays its own."""

    def sign(self, auth, token_endpoint):
        now = int(time.time())
        return keys.assertion(self.headers, {"iss": auth.client_id, "sub": auth.client_id, "aud": token_endpoint,
                                             "jti": secrets.token_urlsafe(24), "iat": now, **self.claims})


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
        # Given as text, the library takes any key for an RSA one.
        key = None if keys.IS_GOST else {"RSA": RSAKey, "EC": ECKey}[keys.KIND].import_key(open(keys.KEY, "rb").read())
        session = OAuth2Session(CLIENT_ID, key, redirect_uri=self.redirect_uri,
                                token_endpoint_auth_method="private_key_jwt", code_challenge_method="S256", **rest)
        method, alg = (GostKeyJWT, None) if keys.IS_GOST else (PrivateKeyJWT, {"RSA": "RS256", "EC": "ES256"}[keys.KIND])
        # The library's own hour is too long for something that is used at once.
        claims = {"exp": int(time.time()) + 60}
        session.register_client_auth_method(method(ISSUER, alg=alg, claims=claims, headers={"kid": keys.CERTIFICATE_HASH}))
        # Otherwise the library prefers the certificates that the environment names.
        session.trust_env = False
        session.verify = os.environ["CA"]
        session.mount("https://", Pinned())
        return session

    def ask(self, scopes, data, level=None):
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        more = self.wishes(data, level)
        session = self.session(scope=" ".join(dict.fromkeys(["openid", *scopes])))
        url, state = session.create_authorization_url(self.meta["authorization_endpoint"], state=secrets.token_urlsafe(24),
                                                      nonce=nonce, code_verifier=verifier, **more)
        return {"url": url, "state": state, "nonce": nonce, "verifier": verifier, "scopes": scopes, "level": level}

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

    def renew(self, customer, renewal):
        return self.call(grant_type="refresh_token", refresh_token=renewal, scope=" ".join(customer["scopes"]))

    def data_token(self, customer, consent):
        return self.call(grant_type="client_credentials", scope=f"prm_chg?oid={customer['oid']}", consent=consent)["access_token"]

    def oid(self, claims):
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise Refusal("format", "Портал не назвал, кто вошёл")
        return claims["sub"]

    def person(self, customer):
        person = fetch("GET", self.meta["userinfo_endpoint"], headers={"Authorization": "Bearer " + customer["token"]})
        if person.get("sub") != customer["oid"]:
            raise Refusal("binding", "Сведения относятся к другому человеку")
        return person


class Esia(Client):
    """ESIA v2/v3: a raw signature by the openssl command, and the certificate's hash."""

    def signed(self, scope, more, *tail):
        stamp = datetime.now(timezone.utc).strftime("%Y.%m.%d %H:%M:%S +0000")
        state = more.pop("state", None) or secrets.token_hex(16)
        text = "".join([CLIENT_ID, scope, stamp, state, self.redirect_uri, *tail])
        return {"client_id": CLIENT_ID, "scope": scope, "timestamp": stamp, "state": state,
                "redirect_uri": self.redirect_uri, "client_certificate_hash": keys.CERTIFICATE_HASH,
                "client_secret": keys.encode(keys.sign(text.encode())), **more}

    def ask(self, scopes, data, level=None):
        scopes = list(dict.fromkeys(["openid", *scopes]))
        query = self.signed(" ".join(scopes), {"response_type": "code", **self.wishes(data, level)})
        return {"url": PORTAL + "/aas/oauth2/v2/ac?" + urlencode(query), "state": query["state"], "scopes": scopes,
                "level": level}

    def call(self, form):
        answer = fetch("POST", PORTAL + "/aas/oauth2/v3/te", data=form)
        if answer.get("state") != form["state"]:
            raise Refusal("state", "Ответ не относится к этому запросу")
        return answer

    def token(self, ask, code):
        return self.call(self.signed(" ".join(ask["scopes"]), {"grant_type": "authorization_code", "code": code,
                                                               "token_type": "Bearer"}, code))

    def renew(self, customer, renewal):
        return self.call(self.signed(" ".join(customer["scopes"]), {"grant_type": "refresh_token", "refresh_token": renewal,
                                                                    "token_type": "Bearer"}))

    def data_token(self, customer, consent):
        form = self.signed(f"prm_chg?oid={customer['oid']}", {"grant_type": "client_credentials", "token_type": "Bearer",
                                                             "consent": consent})
        return self.call(form)["access_token"]

    def oid(self, claims):
        oid = claims.get("urn:esia:sbj", {}).get("urn:esia:sbj:oid", claims.get("sub"))
        if not oid or str(claims.get("sub", "")) not in ("", str(oid)):
            raise Refusal("format", "Портал не назвал, кто вошёл")
        return str(oid)

    def person(self, customer):
        return fetch("GET", f"{PORTAL}/rs/prns/{customer['oid']}?embed=(contacts.elements)",
                     headers={"Authorization": "Bearer " + customer["token"]})
