"""The data services: which consent opens them, what is asked, and what has to be in the answer.

One data token for one request, its pages and its polls. Members that are not described here pass: the portal may add some.
"""
import time
from urllib.parse import urlencode, urljoin, urlsplit

import defects
from refusal import Refusal
from sign_in import PORTAL, PURPOSE
from wire import call, read as read_json, unreadable

# Members by name: a type, a record, or a list of records; `?` says that it may be absent.
DISCOUNT = {"amount": int, "until": str}
DEBTS = {
    "person": int, "as_of": str, "currency": str, "next?": str,
    "items": [{"uin": str, "kind": str, "title": str, "amount": int, "discount?": DISCOUNT, "due_date": str, "status": str,
               "restriction?": {"kind": str, "title": str, "since": str}}],
    "totals": {"credit": int, "utilities": int, "fine": int, "tax": int, "all": int},
}
REQUISITES = dict.fromkeys(("payee", "payee_inn", "payee_kpp", "account", "bank", "bik", "corr_account", "kbk", "oktmo",
                            "purpose"), str)
DUTIES = {"person": int, "duties": [{"uin": str, "kind": str, "title": str, "amount": int, "discount?": DISCOUNT,
                                     "requisites": REQUISITES, "qr": str, "sbp_link": str, "state": str, "due_date?": str}]}
ESTATE = {
    "person": int, "as_of": str, "authority": str,
    "object": {"cad_number": str, "kind": str, "address": str, "area": str, "purpose": str, "name?": str, "year_built?": int,
               "cost": int, "registration_date": str},
    "owners": [{"holder": str, "kind": str, "share?": {"numerator": int, "denominator": int}, "right_type": str,
                "right_number": str, "since": str}],
    "encumbrances": [{"number": str, "kind": str, "in_favour_of": str, "since": str, "until?": str}],
    "transfers": [{"date": str, "right_number": str, "kind": str, "document": str}],
}
PAYMENTS = {
    "person": int, "from": str, "to": str, "total": int,
    "payments": [{"id": str, "programme": {"code": str, "title": str}, "amount": int, "date": str, "recipient": str,
                  "state": str, "account_tail?": str}],
    "programmes": [{"code": str, "title": str, "amount": int, "until?": str, "transferable": bool}],
}
# Action: the name in the address, the consent's scope, parameters that are passed on, the answer, how it is shown.
SERVICES = {
    "debts.list": ("debts", "debts", (), DEBTS, lambda found: {"items": found["items"], "totals": found["totals"]}),
    "duty.list": ("duties", "duties", ("kind",), DUTIES, lambda found: {"duties": found["duties"]}),
    "estate.lookup": ("estate", "estate", ("number", "address"), ESTATE, lambda found: {"estate": found}),
    "payments.list": ("state-payments", "state_payments", ("from", "to"), PAYMENTS,
                      lambda found: {name: found[name] for name in ("payments", "programmes", "total")}),
}
# Where the portal names no time (CIBA, 7.3); how often, and how long in all, an answer is waited for.
INTERVAL, POLLS, LONGEST = 5, 10, 30


def scope(action):
    return SERVICES[action][1]


def grant(known, who, action):
    """A customer is back with a consent: it has to be this customer's own."""
    if known["oid"] != who["oid"]:
        raise Refusal("binding", "Согласие дал другой человек")
    if not who.get("consent"):
        raise Refusal("consent", "Портал не подтвердил согласие")
    known["consents"][scope(action)] = who["consent"]


def read(client, customer, action, params):
    """The values of the action: everything that the portal says, whole, unchanged and about this person."""
    name, needed, passed, shape, shown = SERVICES[action]
    consents = customer["consents"]
    try:
        bearer = {"Authorization": "Bearer " + client.data_token(customer, consents[needed])}
    except Refusal:
        # Whatever became of the consent: the next time the customer is asked for a new one.
        consents.pop(needed, None)
        raise
    query = {word: params[word] for word in passed if params.get(word) is not None}
    page = f"{PORTAL}/api/v1/{name}?" + urlencode({"person": customer["oid"], "purpose": PURPOSE, **query})
    try:
        return shown(pages(page, bearer, shape, customer["oid"]))
    except Refusal as refusal:
        if refusal.kind == "consent" and refusal.code != "authority-missing":
            consents.pop(needed, None)
        raise


def pages(page, bearer, shape, oid):
    found, seen = None, set()
    while page:
        if page in seen:
            raise Refusal("limit", "Список портала не кончается")
        seen.add(page)
        answer = answered(page, bearer)
        check(answer, shape)
        if str(answer["person"]) != oid:
            raise Refusal("binding", "Сведения относятся к другому человеку")
        for item in answer.get("items", ()):
            item["amount"] = defects.amount(item["amount"])
        if found:
            known = {item["uin"] for item in found["items"]}
            answer["items"] = found["items"] + [item for item in answer["items"] if item["uin"] not in known]
        found, rest = answer, defects.next_page(answer.get("next")) if "next?" in shape else None
        page = rest and at_the_portal(page, rest)
    return found


def answered(page, bearer):
    """The answer, fetched where and when the portal says if it is not ready yet."""
    waited = 0
    for _ in range(POLLS):
        response = call("GET", page, headers=bearer)
        if response.status_code != 202:
            return read_json(response)
        page = at_the_portal(page, response.headers.get("Location", page))
        told = response.headers.get("Retry-After", "").strip()
        pause = int(told) if told.isascii() and told.isdigit() else INTERVAL
        waited += pause
        if waited > LONGEST:
            break
        # Never early, however the clocks are read.
        time.sleep(pause + 0.1)
    raise Refusal("limit", "Портал не успел ответить: попробуйте позже")


def at_the_portal(page, told):
    address, home = urlsplit(urljoin(page, told)), urlsplit(PORTAL)
    if (address.scheme, address.netloc) != (home.scheme, home.netloc):
        raise Refusal("transport", "Портал отсылает за сведениями на чужой узел")
    return address.geturl()


def check(held, shape):
    """Every described member is there and of its type: a number is whole and fits, a text is no number."""
    if isinstance(shape, dict):
        if not isinstance(held, dict):
            raise unreadable()
        for name, inner in shape.items():
            value = held.get(name.rstrip("?"))
            if value is not None or not name.endswith("?"):
                check(value, inner)
    elif isinstance(shape, list):
        if not isinstance(held, list):
            raise unreadable()
        for item in held:
            check(item, shape[0])
    elif type(held) is not shape or shape is int and not -2**63 <= held < 2**63:
        raise unreadable()
