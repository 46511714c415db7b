"""Mistakes that real teams make, switched on by SAMPLE_DEFECT. None is modelled on a rule of the suite.

first-page      only the first page of a list is read
roubles         amounts pass through roubles as floating-point numbers, and kopecks are lost
one-session     the sign-in in progress is kept in one place for everybody, so any browser can finish it
"""
import os

DEFECT = os.environ.get("SAMPLE_DEFECT", "")


def flow_of_callback(flow, flows):
    if DEFECT == "one-session":
        waiting = [f for f in flows.values() if "cookie" in f and "used" not in f]
        return waiting[-1] if waiting else flow
    return flow


def next_page(address):
    return None if DEFECT == "first-page" else address


def amount(kopecks):
    return int(round(kopecks / 100, 0)) * 100 if DEFECT == "roubles" else kopecks
