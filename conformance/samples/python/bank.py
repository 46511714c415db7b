"""A small bank in Python that shares no code with Stend: server, sessions and the adapter by which it is driven.

What it claims: customer.link, customer.profile and the readings of services.py, over `oidc` (a stock OIDC library) or
`esia-v3` (signatures by the openssl command). Configured by environment, see bank.yaml.
"""
import json
import os
import secrets
import ssl
import threading
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import defects
import services
from refusal import Refusal
from sign_in import Esia, Oidc

PORT = int(os.environ["PORT"])
CLAIMS = ["customer.link", "customer.profile", *services.SERVICES]
CLIENT = {"oidc": Oidc, "esia-v3": Esia}[os.environ["PROTOCOL"]](f"https://localhost:{PORT}/callback")
FLOWS, CUSTOMERS, LOCK = {}, {}, threading.RLock()


def report(flow):
    """The adapter's answer about a flow."""
    answer = {"outcome": flow["outcome"], "values": flow.get("values", {}), "customer": flow.get("customer")}
    if flow["outcome"] == "pending":
        answer["browser"] = {"url": f"https://localhost:{PORT}/start/{flow['ticket']}"}
    if "reason" in flow:
        answer["reason"] = flow["reason"]
    return {name: value for name, value in answer.items() if value is not None}


def ended(flow, refusal):
    flow.update(outcome="refused", reason={"class": refusal.kind, "code": refusal.code, "message": refusal.text})
    print(json.dumps({"event": "refused", "action": flow["action"], "class": refusal.kind}), flush=True)


def act(action, call):
    """Starts an action; the same operation pressed again is the same flow."""
    if action not in CLAIMS:
        return 501, {"error": f"{action} is not offered"}
    flow = {"action": action, "outcome": "pending", "params": call.get("params", {}), "customer": call.get("customer"),
            "ticket": secrets.token_urlsafe(16)}
    FLOWS[call["flow"]] = flow
    if action == "customer.link":
        flow["ask"] = CLIENT.ask(flow["params"].get("scopes", ["openid"]), None, flow["params"].get("level"))
        return 200, report(flow)
    customer = CUSTOMERS.get(call.get("customer") or "")
    if customer is None:
        ended(flow, Refusal("binding", "Клиент не найден"))
        return 200, report(flow)
    try:
        if action == "customer.profile":
            flow.update(outcome="ok", values={"profile": CLIENT.profile(customer)})
        elif services.scope(action) in customer["consents"]:
            flow.update(outcome="ok", values=services.read(CLIENT, customer, action, flow["params"]))
        else:
            flow["ask"] = CLIENT.ask(["openid"], services.scope(action))
    except Refusal as refusal:
        ended(flow, refusal)
    return 200, report(flow)


def come_back(flow, query):
    """The browser is back from the portal."""
    try:
        customer = CLIENT.redeem(flow["ask"], query)
        if flow["action"] == "customer.link":
            handle = secrets.token_hex(16)
            CUSTOMERS[handle] = customer
            flow.update(outcome="ok", customer=handle, values={"profile": customer["profile"]})
            return
        known = CUSTOMERS[flow["customer"]]
        services.grant(known, customer, flow["action"])
        flow.update(outcome="ok", values=services.read(CLIENT, known, flow["action"], flow["params"]))
    except Refusal as refusal:
        ended(flow, refusal)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/json", headers=()):
        data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(data))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/health":
            return self.answer(200, {"ok": True})
        if url.path.startswith("/start/"):
            flow = next((f for f in FLOWS.values() if f["ticket"] == url.path[7:] and "used" not in f), None)
            if flow is None:
                return self.answer(404, "<p>Ссылка недействительна</p>", "text/html")
            flow["cookie"] = secrets.token_urlsafe(32)
            cookie = f"flow={flow['cookie']}; Secure; HttpOnly; SameSite=Lax; Path=/"
            return self.answer(302, "", "text/html", [("Location", flow["ask"]["url"]), ("Set-Cookie", cookie)])
        if url.path == "/callback":
            jar = SimpleCookie(self.headers.get("Cookie", ""))
            mine = jar["flow"].value if "flow" in jar else ""
            with LOCK:
                flow = next((f for f in FLOWS.values() if mine and f.get("cookie") == mine), None)
                flow = defects.flow_of_callback(flow, FLOWS)
                if flow is None or "used" in flow:
                    return self.answer(400, "<p>Вход не начат в этом браузере или уже закончен</p>", "text/html")
                query = parse_qs(url.query, keep_blank_values=True)
                if CLIENT.stray(flow["ask"], query):
                    ended(flow, Refusal("state", "Ответ не относится к этому входу"))
                    flow["used"] = "error" not in query
                    if not flow["used"]:
                        flow.pop("used"), flow.pop("reason"), flow.update(outcome="pending")
                    return self.answer(400, "<p>Ответ не относится к этому входу</p>", "text/html")
                flow["used"] = True
            # The lock is free meanwhile: an answer may be long in coming.
            come_back(flow, query)
            return self.answer(200, f"<p>{'Готово' if flow['outcome'] == 'ok' else 'Вход не выполнен'}</p>", "text/html")
        return self.answer(404, {"error": "no such page"})

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        with LOCK:
            if self.path == "/stend/describe":
                return self.answer(200, {"version": "1.0", "claims": CLAIMS, "clock": "fixed"})
            if self.path.startswith("/stend/actions/"):
                return self.answer(*act(self.path[15:], call))
            if self.path == "/stend/observe" and call.get("flow") in FLOWS:
                return self.answer(200, report(FLOWS[call["flow"]]))
        return self.answer(404, {"error": "not offered"})

    def log_message(self, form, *rest):
        """Request lines would put codes into the log; the refusals are printed where they happen."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("localhost", PORT), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
