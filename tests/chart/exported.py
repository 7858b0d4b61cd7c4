"""What the programs export to Prometheus, and which of it an expression asks for."""

import importlib
import re
from dataclasses import dataclass

from prometheus_client import REGISTRY

MODULES = ("webviewer_control", "webviewer_storage", "webviewer_render", "webviewer_operator")
TARGET = {"namespace", "pod", "container", "instance", "job"}
OF_CLUSTERS = {"cluster", "component", "pool"}
"""Added by the PodMonitor."""
WORDS = {
    "sum", "min", "max", "avg", "count", "topk", "rate", "increase", "histogram_quantile", "absent", "predict_linear",
    "min_over_time", "vector", "by", "on", "and", "or", "unless", "bool",
}  # fmt: skip


@dataclass(frozen=True)
class Query:
    """Metrics of an expression, with the labels that select them, and the labels that it groups by."""

    metrics: dict[str, set[str]]
    grouping: set[str]


def exported() -> dict[str, set[str]]:
    """Return the labels of every series by its name."""
    for module in MODULES:
        importlib.import_module(f"{module}.metrics")
    found: dict[str, set[str]] = {}
    for name, collector in REGISTRY._names_to_collectors.items():
        labels = set(getattr(collector, "_labelnames", ()))
        if name.startswith("webviewer_"):
            labels |= TARGET | (set() if name.startswith("webviewer_operator_") else OF_CLUSTERS)
        else:
            labels |= TARGET | OF_CLUSTERS
        found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    # A counter `x` is the series `x_total`, a histogram has no series of its bare name.
    bare = {name for name in found if f"{name}_total" in found or f"{name}_bucket" in found}
    return {name: labels for name, labels in found.items() if name not in bare}


def parse(expression: str) -> Query:
    """Read what matters of PromQL."""
    text = expression
    metrics: dict[str, set[str]] = {}
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", text):
        metrics.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    text = re.sub(r"\{[^}]*\}", "", text)
    groupings = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", text)
    text = re.sub(r"\b(?:by|on)\s*\([^)]*\)", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)
    for word in re.findall(r"\b[A-Za-z_]\w*\b", text):
        if word not in WORDS:
            metrics.setdefault(word, set())
    return Query(metrics, {label.strip() for each in groupings for label in each.split(",") if label.strip()})


def problems(expression: str, known: dict[str, set[str]]) -> list[str]:
    """Return what the expression asks for and nobody exports."""
    query = parse(expression)
    found = [f"no metric {name}" for name in query.metrics if name not in known]
    for name, labels in query.metrics.items():
        found += [f"{name} has no label {label}" for label in sorted(labels - known.get(name, labels))]
    together = set().union(*(known.get(name, set()) for name in query.metrics))
    return found + [f"nothing has the label {label}" for label in sorted(query.grouping - together)]
