"""Every object of two clusters, as files. WEBVIEWER_WRITE_GOLDEN=1 writes them again: read the difference."""

import os
from pathlib import Path

import pytest
import yaml

from webviewer_operator.manifests import database, desired
from webviewer_operator.manifests.plan import Plan, wanted_images

GOLDEN = Path(__file__).parent / "golden"


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def text_of(cluster) -> str:
    images = wanted_images(cluster, "0.0.0")
    sums = dict.fromkeys(images, "sum")
    replicas = {
        name: None if pool.external_scaling else pool.replicas for name, pool in cluster.spec.render.pools.items()
    }
    job = database.migration(cluster, (images["control"], images["storage"]))
    changes = [database.password_job(cluster, "next", images["database"])] if cluster.spec.database.embedded else []
    found = [
        *desired.surroundings(cluster),
        *(desired.finished(cluster, each) for each in (job, *changes)),
        *desired.workloads(cluster, Plan(images, sums, replicas)),
    ]
    return yaml.dump_all(found, Dumper=_Plain, sort_keys=False, width=110)


@pytest.mark.parametrize("name", ["small", "large"])
def test_the_objects_of_a_cluster_are_those_on_file(cluster_named, name):
    file = GOLDEN / f"{name}.yaml"
    text = text_of(cluster_named(name))
    if os.environ.get("WEBVIEWER_WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_the_same_cluster_gives_the_same_objects_whatever_the_order_of_its_fields(cluster_of):
    pools = {"default": {}, "second": {"slots": 4}}
    turned = dict(reversed(pools.items()))
    texts = {text_of(cluster_of({"render": {"pools": each}})) for each in (pools, turned)}
    assert len(texts) == 1


def test_names_stay_short_enough_for_labels(cluster_of):
    cluster = cluster_of({"render": {"pools": {"default": {}, "a" * 20: {}}}}, name="a" * 32)
    for each in yaml.safe_load_all(text_of(cluster)):
        assert len(each["metadata"]["name"]) <= 63
