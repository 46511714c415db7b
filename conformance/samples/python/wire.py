"""Calls to the portal and how strictly its answers are read, whichever of them it is."""
import json
import math
import os
import uuid

import requests

from refusal import Refusal

HTTP_LIMIT = {"timeout": 10, "allow_redirects": False, "verify": os.environ["CA"]}
PROBLEMS = "https://stend.example/errors/"
# What the customer can do something about; any other problem is told in general words.
SAID = {
    "address-ambiguous": ("format", "По этому адресу несколько объектов: укажите кадастровый номер"),
    "authority-missing": ("consent", "Вы не собственник этого объекта, и доверенности на него нет"),
    "cadastral-number-invalid": ("format", "Кадастровый номер записан неверно: проверьте его"),
    "consent-expired": ("consent", "Срок вашего согласия истёк: дайте его ещё раз"),
    "consent-revoked": ("consent", "Вы отозвали согласие: без него банк сведений не получает"),
    "estate-not-found": ("format", "Такого объекта в реестре нет: проверьте номер или адрес"),
    "period-invalid": ("format", "Период указан неверно"),
}


class NotAuthorised(Refusal):
    """The portal does not take the access token any more."""


def call(method, url, **rest):
    # A number of its own for every call, by which bank and portal find it in their logs.
    headers = {"X-Request-Id": str(uuid.uuid4()), **(rest.pop("headers", None) or {})}
    try:
        return requests.request(method, url, headers=headers, **HTTP_LIMIT, **rest)
    except requests.exceptions.RequestException as cause:
        raise Refusal("transport", "Портал недоступен или не подтвердил себя") from cause


def fetch(method, url, **rest):
    """One call; the answer's JSON object, or a refusal that says what was wrong."""
    return read(call(method, url, **rest))


def read(response):
    status = response.status_code
    if status == 401:
        raise NotAuthorised("consent", "Портал не разрешил доступ к сведениям")
    if 400 <= status < 500 and status != 429:
        code = problem(response)
        if code in SAID:
            raise Refusal(*SAID[code], code)
    if status == 403:
        raise Refusal("consent", "Портал не разрешил доступ к сведениям")
    if status == 429 or status >= 500:
        raise Refusal("transport", "Портал временно не отвечает")
    if status != 200 or "json" not in response.headers.get("Content-Type", ""):
        raise unreadable()
    return strict(response.content)


def problem(response):
    """The code of a problem document (RFC 9457), as far as it is one."""
    try:
        said = strict(response.content).get("type")
    except Refusal:
        return None
    return said[len(PROBLEMS):] if isinstance(said, str) and said.startswith(PROBLEMS) else None


def unreadable(cause=None):
    refusal = Refusal("format", "Ответ портала не удалось прочитать")
    refusal.__cause__ = cause
    return refusal


def strict(body):
    """A JSON object by RFC 8259: UTF-8, each member once, no NaN, no number that would become infinity."""

    def members(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a member stands twice")
        return dict(pairs)

    def finite(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("a number that does not fit")
        return number

    try:
        data = json.loads(body.decode("utf-8-sig"), object_pairs_hook=members, parse_float=finite, parse_constant=finite)
    except (ValueError, RecursionError) as cause:
        raise unreadable(cause) from cause
    if not isinstance(data, dict):
        raise unreadable()
    return data
