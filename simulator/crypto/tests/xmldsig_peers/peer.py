"""A second implementation of XML signatures with GOST: canonical forms by lxml, digests and signatures by the GOST engine
of OpenSSL, the transform of SMEV on the tree of lxml. Shares no code with Stend. (The package smev-transform 2.0.0 is of
no use here: it writes quotes and less-than signs as they are and cuts the spaces off texts.)

    peer.py verify FILE PUBLIC.pem        prints "holds", or what does not
    peer.py sign FILE NAME ID KEY.pem CERT.pem BITS
        puts a signature over the element ID as the last child of the first element NAME, and prints the document
    peer.py transform                     reads documents in hex, one a line, and prints their transforms in hex
"""

import base64
import subprocess
import sys
import tempfile

from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SMEV = "urn://smev-gov-ru/xmldsig/transform"
GOST = "urn:ietf:params:xml:ns:cpxmlsec:algorithms:"
PARSER = etree.XMLParser(resolve_entities=False, no_network=True)


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def digest(bits, data):
    return openssl("dgst", f"-md_gost12_{bits}", "-binary", data=data)


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def escaped(text, quoted=False):
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#xD;")
    if quoted:
        return text.replace('"', "&quot;").replace("\t", "&#x9;").replace("\n", "&#xA;")
    return text.replace(">", "&gt;")


def transformed(data):
    """The transform of SMEV."""
    minted = 0
    out = []

    def write(element, prefixes):
        nonlocal minted
        declared = []

        def prefix(namespace):
            nonlocal minted
            if namespace not in prefixes:
                minted += 1
                prefixes[namespace] = f"ns{minted}"
                declared.append(namespace)
            return prefixes[namespace]

        name = etree.QName(element)
        tag = f"{prefix(name.namespace)}:{name.localname}"
        names = [(etree.QName(key), value) for key, value in element.attrib.items()]
        names.sort(key=lambda item: (item[0].namespace is None, item[0].namespace or "", item[0].localname))
        attributes = []
        for key, value in names:
            written = f"{prefix(key.namespace)}:{key.localname}" if key.namespace else key.localname
            attributes.append(f' {written}="{escaped(value, quoted=True)}"')
        declarations = [f' xmlns:{prefixes[namespace]}="{escaped(namespace, quoted=True)}"' for namespace in declared]
        out.append(f"<{tag}{''.join(declarations)}{''.join(attributes)}>")
        texts = [element.text]
        for child in element:
            text(texts.pop())
            if isinstance(child.tag, str):
                write(child, dict(prefixes))
            texts.append(child.tail)
        text(texts.pop())
        out.append(f"</{tag}>")

    def text(content):
        if content and content.strip(" \t\r\n"):
            out.append(escaped(content))

    write(etree.fromstring(data, PARSER), {})
    return "".join(out).encode()


def of(reference, document):
    """The bytes that a reference is to."""
    [element] = document.xpath("//*[@Id=$id]", id=reference.get("URI")[1:])
    data = None
    for transform in reference.findall(f"{{{DS}}}Transforms/{{{DS}}}Transform"):
        if transform.get("Algorithm") == EXCLUSIVE:
            data = canonical(element)
        elif transform.get("Algorithm") == SMEV:
            data = transformed(data)
        else:
            raise SystemExit(f"transform {transform.get('Algorithm')}")
    return data


def verify(name, public):
    document = etree.parse(name, PARSER)
    [signature] = document.iter(f"{{{DS}}}Signature")
    info = signature.find(f"{{{DS}}}SignedInfo")
    bits = info.find(f"{{{DS}}}SignatureMethod").get("Algorithm").removeprefix(f"{GOST}gostr34102012-gostr34112012-")
    for reference in info.findall(f"{{{DS}}}Reference"):
        assert reference.find(f"{{{DS}}}DigestMethod").get("Algorithm") == f"{GOST}gostr34112012-{bits}"
        value = base64.b64decode(reference.findtext(f"{{{DS}}}DigestValue"))
        if value != digest(bits, of(reference, document)):
            return "digest differs"
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(signature.findtext(f"{{{DS}}}SignatureValue")))
        file.flush()
        arguments = ["dgst", f"-md_gost12_{bits}", "-verify", public, "-signature", file.name]
        run = subprocess.run(["openssl", *arguments], input=canonical(info), capture_output=True)
    return "holds" if run.returncode == 0 else "signature differs"


def sign(name, place, ident, key, certificate, bits):
    document = etree.parse(name, PARSER)
    [element] = document.xpath("//*[@Id=$id]", id=ident)
    signature = etree.fromstring(
        f'<Signature xmlns="{DS}"><SignedInfo><CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<SignatureMethod Algorithm="{GOST}gostr34102012-gostr34112012-{bits}"/><Reference URI="#{ident}"><Transforms>'
        f'<Transform Algorithm="{EXCLUSIVE}"/><Transform Algorithm="{SMEV}"/></Transforms>'
        f'<DigestMethod Algorithm="{GOST}gostr34112012-{bits}"/><DigestValue/></Reference></SignedInfo><SignatureValue/>'
        "<KeyInfo><X509Data><X509Certificate/></X509Data></KeyInfo></Signature>"
    )
    value = digest(bits, transformed(canonical(element)))
    signature.find(f".//{{{DS}}}DigestValue").text = base64.b64encode(value).decode()
    der = openssl("x509", "-in", certificate, "-outform", "DER")
    # As many writers do, in lines of 76 characters.
    signature.find(f".//{{{DS}}}X509Certificate").text = base64.encodebytes(der).decode()
    next(document.iter(f"{{*}}{place}")).append(signature)
    info = signature.find(f"{{{DS}}}SignedInfo")
    value = openssl("dgst", f"-md_gost12_{bits}", "-sign", key, "-binary", data=canonical(info))
    signature.find(f"{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["verify", *arguments]:
            print(verify(*arguments))
        case ["sign", *arguments]:
            sys.stdout.buffer.write(sign(*arguments))
        case ["transform"]:
            for line in sys.stdin:
                print(transformed(bytes.fromhex(line)).hex())
        case _:
            raise SystemExit(__doc__)
