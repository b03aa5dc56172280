"""What docs/serving.md says about requests, limits and errors is so."""

import json
import re
import shlex

import httpx
from conftest import REPOSITORY
from served import classifier, running, translator

from s2s_plugins.server.limits import Limits
from s2s_plugins.server.problems import KINDS

PAGE = (REPOSITORY / "docs" / "serving.md").read_text(encoding="utf-8")


def form(values):
    """Of JSON: its keys and types."""
    if isinstance(values, dict):
        return {key: form(value) for key, value in values.items()}
    return form(values[0]) if isinstance(values, list) and values else type(values)


def test_the_requests_get_answers_of_the_form_that_is_shown():
    shown = re.findall(r"^\$ (curl .*)\n((?:.+\n)+?)```", PAGE, re.MULTILINE)
    assert len(shown) == 2
    with running({"g2p": translator(), "moods": classifier()}) as server:
        for command, answer in shown:
            words = shlex.split(command)
            path = words[2].replace("http://127.0.0.1:8000", "")
            headers = dict([words[words.index("-H") + 1].split(": ")])
            found = httpx.post(server.url + path, content=words[words.index("-d") + 1], headers=headers)
            assert found.status_code == 200
            found, expected = found.json(), json.loads(answer)
            for result in (*found["results"], *expected["results"]):
                result.pop("unknown", None)  # other tokens
            assert form(found) == form(expected) and len(found["results"]) == len(expected["results"])
            assert [len(one.get("predictions", "")) for one in found["results"]] == [
                len(one.get("predictions", "")) for one in expected["results"]
            ]


def test_every_error_and_every_limit_is_in_the_table():
    table = re.findall(r"^\| (\d+) \| (.*?) \|", PAGE, re.MULTILINE)
    shown = {code: int(status) for status, codes in table for code in re.findall(r"`(\w+)`", codes)}
    assert shown == {code: kind.status for code, kind in KINDS.items()}
    flags = dict(re.findall(r"`--([\w-]+) ([\d.]+)`", PAGE))
    for name, value in flags.items():
        default = getattr(Limits, name.replace("-", "_"), None)
        assert default is None and name == "port" or float(value) == default, name
    assert {name.replace("_", "-") for name in Limits.__dataclass_fields__} - flags.keys() == {"batch-size"}
