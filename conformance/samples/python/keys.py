"""The bank's own key, and the portal's keys: everything that is signed or verified by the openssl command.

RSA and ECDSA need nothing more. GOST R 34.10-2012 comes from the engine `gost` (Debian: libengine-gost-openssl), which a
configuration file of our own switches on, for the command alone.
"""
import base64
import hashlib
import json
import os
import subprocess
import tempfile

from refusal import Refusal

TOKEN_ALG = "GOST3410_2012_256"
KEY, CERT, DATA = os.environ["KEY"], os.environ["CERT"], os.environ.get("DATA") or tempfile.mkdtemp()
CONFIG = """openssl_conf = main
[main]
engines = engines
[engines]
gost = gost
[gost]
engine_id = gost
default_algorithms = ALL
"""
# Parameter sets by the names of the portal's key set: size of a coordinate, and the identifier in DER.
CURVES = {
    "id-tc26-gost-3410-2012-256-paramSetA": (32, "06092a850307010201" "0101"),
    "id-tc26-gost-3410-2012-256-paramSetB": (32, "06072a85030202" "2301"),
    "id-tc26-gost-3410-2012-256-paramSetC": (32, "06072a85030202" "2302"),
    "id-tc26-gost-3410-2012-256-paramSetD": (32, "06072a85030202" "2303"),
}


def openssl(*words, data=b"", gost=True):
    """One run of the command. Without `gost` it is asked what it is by itself."""
    environment = {**os.environ, "OPENSSL_CONF": os.path.join(DATA, "openssl.cnf")} if gost else None
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True, env=environment).stdout


def kind():
    """`RSA`, `EC`, or `GOST256` and `GOST512`: what the bank's key is."""
    with open(os.path.join(DATA, "openssl.cnf"), "w", encoding="ascii") as config:
        config.write(CONFIG)
    try:
        said = openssl("pkey", "-in", KEY, "-noout", "-text", gost=False)
    except subprocess.CalledProcessError:
        # Only the engine can read it.
        said = openssl("pkey", "-in", KEY, "-noout", "-text")
    if b"Parameter set" in said:
        return "GOST512" if b"512 bit" in said else "GOST256"
    return "EC" if b"ASN1 OID" in said else "RSA"


KIND = kind()
IS_GOST = KIND.startswith("GOST")
DIGEST = {"GOST256": "-md_gost12_256", "GOST512": "-md_gost12_512"}.get(KIND, "-sha256")


def streebog(data):
    return bytes.fromhex(openssl("dgst", "-md_gost12_256", "-r", data=data).split()[0].decode())


def sign(data):
    """The raw signature over a text: PKCS#1 v1.5, ECDSA in DER, or GOST's s ‖ r."""
    return openssl("dgst", DIGEST, "-sign", KEY, data=data, gost=IS_GOST)


def certificate_hash():
    der = openssl("x509", "-in", CERT, "-outform", "DER", gost=IS_GOST)
    return (streebog(der) if IS_GOST else hashlib.sha256(der).digest()).hex().upper()


CERTIFICATE_HASH = certificate_hash()


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text):
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def assertion(header, claims):
    """A JWT by the bank's own GOST key."""
    alg = TOKEN_ALG if KIND == "GOST256" else "GOST3410_2012_512"
    text = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": alg, "typ": "JWT", **header}, claims))
    return f"{text}.{encode(sign(text.encode()))}"


def public_key(jwk):
    """SubjectPublicKeyInfo of a 256-bit GOST key (RFC 9215): both coordinates little-endian in an OCTET STRING."""
    size, curve = CURVES[jwk["crv"]]
    x, y = decode(jwk["x"]), decode(jwk["y"])
    if len(x) != size or len(y) != size:
        raise ValueError("coordinates of another curve")

    def der(tag, *parts):
        inner = b"".join(parts)
        return bytes([tag, len(inner)]) + inner

    algorithm, streebog_256 = bytes.fromhex("06082a85030701010101"), bytes.fromhex("06082a85030701010202")
    point = der(0x03, b"\0", der(0x04, x[::-1] + y[::-1]))
    return der(0x30, der(0x30, algorithm, der(0x30, bytes.fromhex(curve), streebog_256)), point)


def verified(token, keys):
    """Header and claims of a token that one of the portal's GOST keys has signed."""
    try:
        head, body, signature = token.split(".")
        header, raw = json.loads(decode(head)), decode(signature)
        if header.get("alg") != TOKEN_ALG or "crit" in header or len(raw) != 64:
            raise Refusal("signature", "Подпись портала не подтвердилась")
        fit = [k for k in keys if k.get("crv") in CURVES and k.get("use", "sig") == "sig"
               and k.get("alg", header["alg"]) == header["alg"] and header.get("kid", k.get("kid")) == k.get("kid")]
        if not any(holds(public_key(key), raw, f"{head}.{body}".encode()) for key in fit):
            raise Refusal("signature", "Подпись портала не подтвердилась")
        claims = json.loads(decode(body))
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise Refusal("signature", "Подпись портала не подтвердилась") from cause
    if not isinstance(claims, dict):
        raise Refusal("format", "Ответ портала не удалось прочитать")
    return header, claims


def holds(der, signature, data):
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        for name, content in (("key.der", der), ("signature", signature)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        words = ["-verify", os.path.join(folder, "key.der"), "-keyform", "DER", "-signature", os.path.join(folder, "signature")]
        try:
            openssl("dgst", "-md_gost12_256", *words, data=data)
        except subprocess.CalledProcessError:
            return False
        return True
