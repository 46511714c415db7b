"""Readers that know nothing of Stend take up its documents: pypdf their text and the facts attached, poppler draws them,
zxing reads the QR code, and whoever follows it is told that this very file is the portal's.

argv as in visit.py. Prints the kinds of the documents that were read.
"""
import hashlib
import io
import json
import subprocess
import uuid

import pypdf
import zxingcpp
from PIL import Image
from visit import ask, consent, http, person, tell, token

OWN = "/citizens/" + ask["citizen"]


def call(method, path, body=None):
    """A call of the data services, each with a token of its own."""
    headers = {"Authorization": "Bearer " + token("prm_chg?oid=" + citizen), "Idempotency-Key": str(uuid.uuid4())}
    by = {"person": citizen, "purpose": "CREDIT"}
    words = {"params": by} if body is None else {"json": by | body}
    answer = http.request(method, ask["portal"] + path, headers=headers, **words)
    assert answer.status_code in (200, 201), f"{method} {path}: {answer.text}"
    return answer


def ordered(kind, **more):
    """A document, confirmed by the citizen's code."""
    order = call("POST", "/api/v1/orders", {"type": kind, "reason": "для кредита", **more}).json()["id"]
    code = [message["code"] for message in tell("GET", OWN + "/messages")["messages"] if message.get("code")][-1]
    call("POST", f"/api/v1/orders/{order}/confirm", {"code": code})
    tell("POST", "/clock/advance", {"by": "PT5M"})
    [document] = call("GET", "/api/v1/orders/" + order).json()["documents"]
    return document, call("GET", "/api/v1/documents/" + document["id"])


def drawn(paper):
    """The first page as a picture."""
    command = ["pdftoppm", "-r", "150", "-png", "-singlefile", "-"]
    return Image.open(io.BytesIO(subprocess.run(command, input=paper, check=True, capture_output=True).stdout))


def read(answer, document=None):
    paper = answer.content
    digest = hashlib.sha256(paper).hexdigest()
    if document:
        assert (document["size"], document["sha256"]) == (len(paper), digest), document
    reader = pypdf.PdfReader(io.BytesIO(paper), strict=True)
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    [code] = zxingcpp.read_barcodes(drawn(paper))
    assert code.format == zxingcpp.BarcodeFormat.QRCode, code.format
    # Whoever points a camera at it has no token.
    said = http.get(code.text)
    assert said.status_code == 200 and said.json()["valid"] and said.json()["sha256"] == digest, said.text
    [attached] = reader.attachments["facts.json"]
    facts = json.loads(attached)
    for shown in [said.json()["number"], code.text.rsplit("=", 1)[1]]:
        assert shown in text, f"{shown} is not in: {text}"
    return text, facts["facts"], said.json()["kind"]


consent()
citizen, own = person(), tell("GET", OWN)
kinds = []
for kind in ["income", "workbook", "pension", "account", "estate"]:
    more = {"number": own["holdings"]["estates"][0]["object"]["cad_number"]} if kind == "estate" else {}
    document, answer = ordered(kind, **more)
    text, facts, named = read(answer, document)
    for shown in [own["last_name"], own["first_name"], own["snils"]]:
        assert shown in text, f"{shown} is not in: {text}"
    assert facts == call("GET", f"/api/v1/documents/{document['id']}/data").json(), facts
    kinds.append(named)
duty = next(duty for duty in call("GET", "/api/v1/duties").json()["duties"] if duty["state"] == "open")
payment = call("POST", f"/api/v1/duties/{duty['uin']}/payments",
               {"amount": duty["amount"], "method": "account", "source": "acc-1"}).json()
tell("POST", "/clock/advance", {"by": "PT5M"})
text, facts, named = read(call("GET", f"/api/v1/payments/{payment['id']}/receipt"))
for shown in [duty["uin"], duty["requisites"]["account"], duty["requisites"]["bik"]]:
    assert shown in text, f"{shown} is not in: {text}"
print(json.dumps([*kinds, named]))
