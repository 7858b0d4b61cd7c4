"""A Prometheus that scrapes processes of this machine as if they were the pods of a cluster."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

SECONDS = 60.0
LABELS = {"namespace": "imaging", "cluster": "viewer"}
_VARIABLES = {"$__rate_interval": "5m", "$namespace": "imaging", "$cluster": "viewer"}


class Prometheus:
    """Answers queries; see :func:`scraping`."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(base_url=f"{url}/api/v1", timeout=30, trust_env=False)

    def scrapes(self, count: int) -> bool:
        """Whether every target has answered so often."""
        targets = self.http.get("/targets").json()["data"]["activeTargets"]
        return len(self._seen()) == len(targets) > 0 and self.rounds() >= count

    def rounds(self) -> int:
        """How often every target has answered, at least."""
        return int(min(self._seen(), default=0))

    def values(self, expression: str) -> list[float]:
        """Return the values of an expression as a dashboard asks for it. Ends the test where it is refused."""
        for name, value in _VARIABLES.items():
            expression = expression.replace(name, value)
        answer = self.http.post("/query", data={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        assert not answer.json().get("warnings"), answer.text
        found: dict[str, Any] = answer.json()["data"]
        return [float(each["value"][1]) for each in found["result"]]

    def _seen(self) -> list[float]:
        return self.values("sum_over_time(up[1h])")


@contextlib.contextmanager
def scraping(program: str, folder: Path, roles: Mapping[str, str], operator: str) -> Iterator[Prometheus]:
    """Scrape roles and an operator (host:port) with the labels that the chart's monitors give."""
    folder.mkdir()
    jobs = [_job(role, address, LABELS | {"component": role, "pool": "default"}) for role, address in roles.items()]
    jobs.append(_job("operator", operator, {"namespace": LABELS["namespace"]}) | {"honor_labels": True})
    intervals = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"global": intervals, "scrape_configs": jobs}), encoding="utf-8")
    log = folder / "prometheus.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}",
                "--web.listen-address=127.0.0.1:0", "--log.level=info",
            ],
            stdout=output,
            stderr=output,
        )  # fmt: skip
        try:
            found = Prometheus(_address(process, log))
            with found.http:
                yield found
        finally:
            process.terminate()
            process.wait(20)


def _job(name: str, address: str, labels: Mapping[str, str]) -> dict[str, Any]:
    static = {"targets": [address], "labels": dict(labels) | {"pod": f"viewer-{name}-0"}}
    return {"job_name": name, "static_configs": [static]}


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"msg=\"?Listening on\"? address=(\S+)", log.read_text()):
            return f"http://{found[1]}"
        time.sleep(0.05)
    pytest.fail(f"Prometheus does not listen:\n{log.read_text()[-3000:]}")
