"""Certificates of a cluster's parts over its life."""

import base64
import json

import pytest

from webviewer_operator.certificates import DAYS, RENEWED_DAYS, names_of
from webviewer_operator.cluster import ROTATE
from webviewer_operator.manifests.pod import SECRETS_SUM

DAY = 86400
PARTS = ("control", "storage", "render")


def value(world, name: str, key: str) -> str:
    return base64.b64decode(world.find("Secret", f"viewer-{name}")["data"][key]).decode()


def sums(world) -> dict[str, str]:
    workloads = {"control": "Deployment", "storage": "StatefulSet", "render-default": "Deployment"}
    found = {name: world.find(kind, f"viewer-{name}") for name, kind in workloads.items()}
    return {name: each["spec"]["template"]["metadata"]["annotations"][SECRETS_SUM] for name, each in found.items()}


async def test_every_part_has_a_certificate_of_its_own_names_and_none_the_key_of_the_authority(world):
    world.apply()
    await world.settle()
    assert names_of(value(world, "render-tls", "tls.crt")) == (
        "viewer-render.imaging.svc",
        "viewer-render-nodes.imaging.svc",
    )
    assert len({value(world, f"{part}-tls", "tls.key") for part in PARTS}) == 3
    for part in PARTS:
        assert value(world, f"{part}-tls", "ca.crt") == value(world, "ca", "tls.crt")
    everything = json.dumps([each for key, each in world.kube.objects.items() if key[0] != "Secret"])
    assert '"secretName": "viewer-ca"' not in everything
    assert '"secretName": "viewer-render-tls"' in everything


async def test_certificates_are_made_anew_before_they_end_and_their_pods_restart(world):
    world.apply()
    await world.settle()
    before, authority = value(world, "storage-tls", "tls.crt"), value(world, "ca", "tls.crt")
    made = sums(world)
    world.time += (DAYS - RENEWED_DAYS) * DAY
    await world.settle()
    assert value(world, "storage-tls", "tls.crt") != before
    assert value(world, "ca", "tls.crt") == authority
    assert all(new != made[name] for name, new in sums(world).items())
    await world.round()
    assert not world.kube.writes


async def test_a_new_authority_is_made_when_asked_and_the_old_one_is_believed_meanwhile(world):
    world.apply()
    await world.settle()
    old = value(world, "ca", "tls.crt")
    keys = value(world, "keys", "instance.key")
    world.apply(annotations={ROTATE + "tls": "1"})
    await world.settle()
    new = value(world, "ca", "tls.crt")
    assert new != old
    for part in PARTS:
        assert value(world, f"{part}-tls", "ca.crt") == new + old
    assert value(world, "keys", "instance.key") == keys
    assert "SecretRotated" in world.events()
    world.apply(annotations={ROTATE + "tls": "1"})
    await world.settle()
    assert value(world, "ca", "tls.crt") == new


async def test_a_certificate_that_a_person_brings_is_left_as_it_is(world):
    data = {name: base64.b64encode(name.encode()).decode() for name in ("tls.crt", "tls.key", "ca.crt")}
    metadata = {"name": "viewer-storage-tls", "namespace": "imaging"}
    world.kube.apply_as("person", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    world.apply()
    await world.settle()
    world.time += 10 * DAYS * DAY
    await world.settle()
    assert world.find("Secret", "viewer-storage-tls")["data"] == data


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_certificates_go_with_the_data(world, policy):
    world.apply({"dataPolicy": policy})
    await world.settle()
    world.apply({"dataPolicy": policy, "tls": {"enabled": False}})
    await world.settle()
    world.delete()
    await world.round()
    assert bool(world.find("Secret", "viewer-ca")) == (policy == "Retain")
