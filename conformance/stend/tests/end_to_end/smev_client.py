"""A stock SOAP client (zeep) meets the message exchange by its WSDL: it asks for state duties, fetches the answer and
acknowledges it. Its envelopes are signed, and the portal's verified, by lxml and the package cryptography. Then the same
envelope is sent again, altered, wrapped and without its signature.

argv as in visit.py. Prints the operations of each version, who was asked about and answered, the charges that are held
and were answered, and the faults that were met.
"""
import base64
import copy
import datetime
import json
import pathlib
import sys
import uuid

import zeep
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree
from visit import ask, consent, http, person, tell

sys.path.append(str(pathlib.Path(__file__).parents[4] / "simulator/crypto/tests/xmldsig_peers"))
from peer import DS, EXCLUSIVE, PARSER, SMEV, canonical, of, transformed  # noqa: E402

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
EXCHANGE = "urn://x-artefacts-smev-gov-ru/services/message-exchange"
TYPES = EXCHANGE + "/types/1.2"
DUTIES = "urn:stend:duties:1.0"


def sha256(data):
    context = hashes.Hash(hashes.SHA256())
    context.update(data)
    return base64.b64encode(context.finalize()).decode()


def signed(key, data):
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    # XML has r and s side by side, without the DER around them.
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(key, value, data):
    if isinstance(key, rsa.RSAPublicKey):
        return key.verify(value, data, padding.PKCS1v15(), hashes.SHA256())
    halves = (int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
    return key.verify(encode_dss_signature(*halves), data, ec.ECDSA(hashes.SHA256()))


class Signatures:
    """What zeep calls a WSSE: signs what goes out, verifies what comes in. `spoil` sees an envelope after its signing."""

    def __init__(self):
        self.key = serialization.load_pem_private_key(open(ask["key"], "rb").read(), None)
        self.certificate = x509.load_pem_x509_certificate(open(ask["certificate"], "rb").read())
        self.authority = x509.load_pem_x509_certificate(http.get(ask["portal"] + "/pki/ca.pem").content)
        self.spoil = None
        self.sent = None
        self.verified = None

    def apply(self, envelope, headers):
        if envelope.find(f"{{{SOAP}}}Header") is None:
            envelope.insert(0, envelope.makeelement(f"{{{SOAP}}}Header"))
        # Written and read again, so that what is signed is what is sent.
        envelope = etree.fromstring(etree.tostring(envelope), PARSER)
        call = envelope.find(f"{{{SOAP}}}Body")[0]
        element = call[0]
        method = "rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else "ecdsa-sha256"
        signature = etree.fromstring(
            f'<Signature xmlns="{DS}"><SignedInfo><CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
            f'<SignatureMethod Algorithm="{MORE}{method}"/><Reference URI="#{element.get("Id")}"><Transforms>'
            f'<Transform Algorithm="{EXCLUSIVE}"/><Transform Algorithm="{SMEV}"/></Transforms>'
            f'<DigestMethod Algorithm="{SHA256}"/><DigestValue>{sha256(transformed(canonical(element)))}</DigestValue>'
            "</Reference></SignedInfo><SignatureValue/><KeyInfo><X509Data><X509Certificate/></X509Data></KeyInfo></Signature>"
        )
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        signature.find(f".//{{{DS}}}X509Certificate").text = base64.b64encode(der).decode()
        etree.SubElement(call, f"{{{TYPES}}}CallerInformationSystemSignature").append(signature)
        value = signed(self.key, canonical(signature.find(f"{{{DS}}}SignedInfo")))
        signature.find(f"{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()
        if self.spoil:
            envelope = self.spoil(envelope)
        self.sent = copy.deepcopy(envelope)
        return envelope, headers

    def verify(self, envelope):
        self.verified = []
        for signature in envelope.iter(f"{{{DS}}}Signature"):
            info = signature.find(f"{{{DS}}}SignedInfo")
            [reference] = info.findall(f"{{{DS}}}Reference")
            assert sha256(of(reference, envelope)) == reference.findtext(f"{{{DS}}}DigestValue"), "digest"
            der = base64.b64decode(signature.findtext(f".//{{{DS}}}X509Certificate"))
            certificate = x509.load_der_x509_certificate(der)
            certificate.verify_directly_issued_by(self.authority)
            value = base64.b64decode(signature.findtext(f"{{{DS}}}SignatureValue"))
            verify(certificate.public_key(), value, canonical(info))
            # A changed byte must not hold, or this reader is none.
            try:
                verify(certificate.public_key(), value, canonical(info) + b" ")
            except InvalidSignature:
                self.verified.append(reference.get("URI"))
            else:
                raise AssertionError("a signature holds over anything")
        return envelope


def client(version, wsse=None):
    transport = zeep.Transport(session=http)
    return zeep.Client(f"{ask['portal']}/smev/{version}?wsdl", wsse=wsse, transport=transport)


def business(citizen, purpose="CREDIT"):
    root = etree.Element(f"{{{DUTIES}}}dutiesRequest", nsmap={None: DUTIES})
    for name, text in (("person", citizen), ("purpose", purpose)):
        etree.SubElement(root, f"{{{DUTIES}}}{name}").text = text
    return root


def send(root):
    message = str(uuid.uuid1())
    service.SendRequest(SenderProvidedRequestData={
        "Id": "SIGNED_BY_CONSUMER", "MessageID": message, "MessagePrimaryContent": {"_value_1": root}})
    return message


def fetch():
    selector = {"Id": "SIGNED_BY_CALLER", "NamespaceURI": DUTIES, "RootElementLocalName": "dutiesRequest",
                "Timestamp": datetime.datetime.now(datetime.timezone.utc)}
    return service.GetResponse(MessageTypeSelector=selector)


def acknowledge(message):
    service.Ack(AckTargetMessage={"Id": "SIGNED_BY_CALLER", "accepted": True, "_value_1": message})


def refused(call, *words):
    """The fault element, and the inner value of a fault about a signature."""
    try:
        call(*words)
    except zeep.exceptions.Fault as fault:
        [element] = fault.detail
        inner = element.findtext("{*}SignatureVerificationFault")
        return etree.QName(element).localname + (f"/{inner}" if inner else "")
    return "taken"


def again(envelope):
    return lambda _: copy.deepcopy(envelope)


def altered(envelope):
    """One digit of the person's number."""
    number = envelope.find(f".//{{{DUTIES}}}person")
    number.text = number.text[:-1] + str((int(number.text[-1]) + 1) % 10)
    return envelope


def unsigned(envelope):
    holder = envelope.find(f".//{{{TYPES}}}CallerInformationSystemSignature")
    holder.getparent().remove(holder)
    return envelope


def wrapped(ident, shelter):
    """The signed element is moved away, another stands in its place."""
    def spoil(envelope):
        call = envelope.find(f"{{{SOAP}}}Body")[0]
        true = call[0]
        false = copy.deepcopy(true)
        altered(false)
        false.find(f"{{{TYPES}}}MessageID").text = str(uuid.uuid1())
        del false.attrib["Id"]
        if ident:
            false.set("Id", ident)
        call.replace(true, false)
        shelter(envelope).append(true)
        return envelope
    return spoil


def header(envelope):
    return etree.SubElement(envelope.find(f"{{{SOAP}}}Header"), "{urn:example}Wrapper")


def inside(envelope):
    return etree.SubElement(envelope.find(f".//{{{DS}}}Signature"), f"{{{DS}}}Object")


operations = {}
for version in ("1.1", "1.2", "1.3"):
    port = client(version).wsdl.services["SMEVMessageExchangeService"].ports["SMEVMessageExchangeEndpoint"]
    operations[version] = sorted(port.binding._operations)

consent()
citizen = person()
wsse = Signatures()
service = client("1.2", wsse).service
message = send(business(citizen))
sent = wsse.sent
# The answer is there when it is there: an empty queue is a true answer.
while (said := fetch()) is None:
    pass
response = said["Response"]
assert response["OriginalMessageId"] == message, response
signer = "#" + response["SenderProvidedResponseData"]["Id"]
assert sorted(wsse.verified) == sorted(["#" + response["Id"], signer]), wsse.verified
answer = response["SenderProvidedResponseData"]["MessagePrimaryContent"]["_value_1"]
schema = etree.XMLSchema(etree.fromstring(http.get(ask["portal"] + "/smev/1.2?xsd=duties").content))
schema.assertValid(etree.ElementTree(answer))
own = response["SenderProvidedResponseData"]["MessageID"]
faults = {}
acknowledge(own)
faults["acknowledged twice"] = refused(acknowledge, own)
for name, spoil in [
    ("replayed", again(sent)),
    ("altered", altered),
    ("unsigned", unsigned),
    ("wrapped in the header, no id", wrapped(None, header)),
    ("wrapped in the header, another id", wrapped("SIGNED_BY_NOBODY", header)),
    ("wrapped in the header, the same id", wrapped("SIGNED_BY_CONSUMER", header)),
    ("wrapped in the signature, another id", wrapped("SIGNED_BY_NOBODY", inside)),
]:
    wsse.spoil = spoil
    faults[name] = refused(send, business(citizen))
wsse.spoil = None
assert fetch() is None, "nothing that was refused is answered"
held = tell("GET", "/citizens/" + ask["citizen"])["holdings"]["duties"]
print(json.dumps({"operations": operations, "asked": citizen, "person": answer.findtext("{*}person"),
                  "held": sorted(duty["uin"] for duty in held),
                  "uins": sorted(element.text for element in answer.findall("{*}duties/{*}uin")), "faults": faults}))
