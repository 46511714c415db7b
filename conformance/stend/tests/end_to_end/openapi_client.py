"""schemathesis goes through the description of the data services: what it makes up from the schemas, and what breaks them,
must be answered as described. Every call has a data token of its own, and every other one names the true person and
purpose, so that calls reach what lies behind the door.

argv as in visit.py. Prints how many operations were tried and how often each status was answered;
where an answer is not as described, it ends with the request that shows it. schemathesis loads the same file as its hooks.
"""
import collections
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ASK = "STRANGER_ASK"
HERE = pathlib.Path(__file__)
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
EXAMPLES = 8

if ASK in os.environ:
    sys.argv[1:] = [os.environ[ASK]]

from visit import ask, consent, person, token  # noqa: E402


def hooks():
    import schemathesis

    citizen = person()
    turns = itertools.count()

    @schemathesis.hook
    def before_call(context, case, kwargs):
        case.headers["Authorization"] = "Bearer " + token("prm_chg?oid=" + citizen)
        if next(turns) % 2:
            true = {"person": citizen, "purpose": "CREDIT"}
            for members in (case.query, case.body):
                if isinstance(members, dict):
                    members.update({name: text for name, text in true.items() if name in members})


def run():
    consent()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.ndjson"
        command = [pathlib.Path(sys.executable).with_name("schemathesis"), "run", ask["portal"] + "/openapi.json",
                   "--tls-verify", ask["ca"], "--checks", ",".join(CHECKS), "--phases", "fuzzing",
                   "--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none",
                   "--no-color", "--report", "ndjson", "--report-ndjson-path", report]
        room = os.environ | {ASK: json.dumps(ask), "SCHEMATHESIS_HOOKS": HERE.stem, "PYTHONPATH": str(HERE.parent)}
        said = subprocess.run(command, cwd=folder, env=room, capture_output=True, text=True)
        if said.returncode:
            sys.exit(said.stdout + said.stderr)
        events = [json.loads(line) for line in open(report, encoding="utf-8")]
    tried = [event["ScenarioFinished"]["recorder"] for event in events if "ScenarioFinished" in event]
    calls = [call for one in tried for call in one["interactions"].values()]
    statuses = collections.Counter(str(call["response"]["status_code"]) for call in calls)
    print(json.dumps({"operations": len({one["label"] for one in tried}), "statuses": statuses}))


if ASK in os.environ:
    hooks()
else:
    run()
