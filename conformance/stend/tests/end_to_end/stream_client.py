"""A stock WebSocket client (websockets) follows the stream of events, is cut off a hundred times and resumes.

argv as in visit.py. Prints how many connections there were, the numbers of the events in the order in which they were
stored, and their ids.
"""
import json
import ssl
import threading

from visit import ask, consent, tell, token
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

CHANGES = 100


def change():
    path = "/citizens/" + ask["citizen"]
    for number in range(CHANGES):
        debts = tell("GET", path)["debts"]
        debts[0]["title"] = f"Задолженность № {number}"
        tell("PATCH", path, {"debts": debts})


consent()
bearer = token("consents")
tell("POST", "/faults", {"fault": "ws-cut", "times": 100})
changing = threading.Thread(target=change)
changing.start()
trust = ssl.create_default_context(cafile=ask["ca"])
stored, connections = [], 0
while len(stored) < CHANGES + 1:
    connections += 1
    with connect(ask["portal"].replace("https://", "wss://") + "/ws", ssl=trust, proxy=None,
                 subprotocols=["stend.events.v1"], additional_headers={"Authorization": "Bearer " + bearer}) as socket:
        socket.send(json.dumps({"subscribe": {"consent": "all", "after": stored[-1]["seq"] if stored else 0}}))
        try:
            while len(stored) < CHANGES + 1:
                message = json.loads(socket.recv(timeout=30))
                if "event" in message:
                    stored.append(message["event"])
                    socket.send(json.dumps({"ack": message["event"]["seq"]}))
        except ConnectionClosed:
            pass
changing.join()
print(json.dumps({"connections": connections, "seqs": [event["seq"] for event in stored],
                  "ids": sorted({event["id"] for event in stored})}))
