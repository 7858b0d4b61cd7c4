"""Secrets that are made anew on a real API server."""

import base64

from webviewer_operator.certificates import names_of
from webviewer_operator.kube import port

from .person import path_of


def data(person, name: str) -> dict[str, str]:
    return (person.get(port.SECRET, name) or {}).get("data") or {}


def test_a_new_password_takes_the_place_of_the_old_one_when_its_job_has_ended(installed, person, nodes):
    installed.start()
    person.apply({})
    person.wait_until_ready()
    before = data(person, "viewer-database")
    nodes.failing.add("postgres:18")
    person.annotate(**{"rotate.webviewer.dev/database-password": "a"})
    coming = person.wait(lambda: data(person, "viewer-database").get("next-password"))
    assert {key: data(person, "viewer-database")[key] for key in before} == before
    nodes.failing.clear()
    person.wait(lambda: "next-password" not in data(person, "viewer-database"), 120)
    after = data(person, "viewer-database")
    assert after["password"] == coming
    password = base64.b64decode(coming).decode()
    assert f":{password}@viewer-database." in base64.b64decode(after["uri"]).decode()
    person.wait_until_ready()
    assert installed.proxy.forbidden == []


def test_a_new_authority_signs_new_certificates_of_all_parts(installed, person, nodes):
    installed.start()
    person.apply({})
    person.wait_until_ready()
    before = data(person, "viewer-ca")
    person.annotate(**{"rotate.webviewer.dev/tls": "a"})
    person.wait(lambda: data(person, "viewer-ca").get("tls.crt") not in {None, before["tls.crt"]})
    person.wait_until_ready()
    bundle = data(person, "viewer-ca")["ca.crt"]
    for part in ("control", "storage", "render"):
        found = person.wait(lambda part=part: (d := data(person, f"viewer-{part}-tls"))["ca.crt"] == bundle and d)
        assert names_of(base64.b64decode(found["tls.crt"]).decode())[0] == f"viewer-{part}.{person.namespace}.svc"
    assert installed.proxy.forbidden == []


def test_pods_get_the_new_value_of_a_secret_that_a_person_s_variable_refers_to(installed, person, nodes):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clinic-oidc"}}
    source = {"secretKeyRef": {"name": "clinic-oidc", "key": "client-secret"}}
    variable = {"name": "WEBVIEWER_OIDC_CLIENT_SECRET", "valueFrom": source}
    person.server.done(
        "POST", path_of(port.SECRET, person.namespace), secret | {"stringData": {"client-secret": "first"}}
    )
    installed.start()
    person.apply({"control": {"pod": {"extraEnv": [variable]}}})
    person.wait_until_ready()

    def template() -> dict:
        return person.get(port.DEPLOYMENT, "viewer-control")["spec"]["template"]

    before = template()
    assert variable in before["spec"]["containers"][0]["env"]
    person.change(port.SECRET, "clinic-oidc", {"stringData": {"client-secret": "second"}})
    person.annotate(**{"example.org/look": "now"})
    person.wait(lambda: template()["metadata"]["annotations"] != before["metadata"]["annotations"])
    person.wait_until_ready()
    assert installed.proxy.forbidden == []
