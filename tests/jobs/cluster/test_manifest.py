"""The manifest for Flink's Kubernetes operator: what it takes, what the image has, and what cannot run so."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from config import load
from jobs.cluster.manifest import HOME, MOST, PYTHON, deployment, manifest
from schemas.errors import UsageError
from tidemark import cli

CONFIG = """\
job: {name: shop, environment: prod, parallelism: 3, checkpoints: {dir: /state}}
sources: {predictions: {topic: predictions}}
kafka: {bootstrap: "kafka:9092", security: {protocol: SASL_SSL, mechanism: PLAIN, username: u, password: "${PASSWORD}"}}
include: [models/*.yaml]
models:
  churn: {reference: "profiles/{model}.json", features: {age: numeric}}
"""
DOCKER = Path(__file__).parents[3] / "docker"

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
RESOURCE = {
    "type": "object",
    "properties": {"cpu": NUMBER, "memory": TEXT, "ephemeralStorage": TEXT},
    "additionalProperties": False,
}
# What the operator's own definition (v1beta1, release 1.13) says of the fields that we use.
TAKEN: dict[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "image": TEXT,
                "flinkVersion": {"enum": ["v2_0", "v2_1", "v2_2", "v2_3", "v2_4"]},
                "serviceAccount": TEXT,
                "flinkConfiguration": {"type": "object"},
                "podTemplate": {"type": "object"},
                "jobManager": {
                    "type": "object",
                    "properties": {"resource": RESOURCE, "replicas": {"type": "integer"}},
                    "additionalProperties": False,
                },
                "taskManager": {"type": "object", "properties": {"resource": RESOURCE}, "additionalProperties": False},
                "job": {
                    "type": "object",
                    "properties": {
                        "jarURI": TEXT,
                        "entryClass": TEXT,
                        "args": {"type": "array", "items": TEXT},
                        "parallelism": {"type": "integer"},
                        "state": {"enum": ["running", "suspended"]},
                        "upgradeMode": {"enum": ["last-state", "savepoint", "stateless"]},
                    },
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        }
    },
}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a model with one feature."""
    folder = tmp_path_factory.mktemp("profile")
    lines = [json.dumps({"model": "churn", "features": {"age": number % 60}}) for number in range(200)]
    (folder / "data.jsonl").write_text("\n".join(lines))
    (folder / "monitors.yaml").write_text(
        "sources: {predictions: {path: data.jsonl}}\nmodels: {churn: {features: {age: numeric}}}\n"
    )
    words = ["profile", folder / "monitors.yaml", "--model", "churn", "--data", folder / "data.jsonl"]
    assert cli.main([*map(str, words), "-o", str(folder / "made.json")]) == 0
    return (folder / "made.json").read_text()


@pytest.fixture
def folder(tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PASSWORD", "hush")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "more.yaml").write_text(
        "models: {fraud: {reference: {learn: 100}, features: {amount: numeric}}}\n"
    )
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "churn.json").write_text(profile)
    (tmp_path / "monitors.yaml").write_text(CONFIG)
    return tmp_path


def written(folder: Path, **options: Any) -> list[dict[str, Any]]:
    settings = {"image": "tidemark:0.1", "claim": "state", "secret": "kafka", **options}
    text = manifest(load(folder / "monitors.yaml"), **settings)
    assert "hush" not in text
    return list(yaml.safe_load_all(text))


def test_it_is_what_the_operator_takes(folder: Path) -> None:
    """And says of the job what the configuration does."""
    _, deployed = written(folder)
    jsonschema.validate(deployed, TAKEN)
    assert (deployed["kind"], deployed["metadata"]["name"]) == ("FlinkDeployment", "shop-prod")
    spec = deployed["spec"]
    assert spec["job"]["parallelism"] == 3
    assert spec["flinkConfiguration"]["execution.checkpointing.savepoint-dir"] == "file:///state/prod/shop"
    assert "--add-opens=java.base/java.lang=ALL-UNNAMED" in spec["flinkConfiguration"]["env.java.opts.all"]
    assert all(isinstance(value, str) for value in spec["flinkConfiguration"].values())
    [container] = spec["podTemplate"]["spec"]["containers"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/etc/tidemark/job", "/state"]
    assert container["envFrom"] == [{"secretRef": {"name": "kafka"}}]


def test_the_pods_find_the_files_where_the_configuration_has_them(folder: Path, profile: str) -> None:
    """Itself, what it includes, and profiles; as they are written, without secrets."""
    mapped, deployed = written(folder)
    [volume, _] = deployed["spec"]["podTemplate"]["spec"]["volumes"]
    found = {item["path"]: mapped["data"][item["key"]] for item in volume["configMap"]["items"]}
    assert found == {
        "monitors.yaml": CONFIG,
        "models/more.yaml": (folder / "models" / "more.yaml").read_text(),
        "profiles/churn.json": profile,
    }
    assert deployed["spec"]["job"]["args"][-2:] == ["--config", "/etc/tidemark/job/monitors.yaml"]
    assert volume["configMap"]["name"] == mapped["metadata"]["name"]


def test_the_image_has_what_it_speaks_of() -> None:
    """Flink's folder, the interpreter and the entry point are where docker/ puts them."""
    file = (DOCKER / "Dockerfile").read_text()
    assert f"pyflink {HOME}\n" in file
    assert PYTHON.removesuffix("/bin/python") in file
    assert "/usr/local/bin/tidemark-entrypoint" in file
    assert "FLINK_CONF_DIR=/etc/tidemark/flink" in file
    assert version("apache-flink") == "2.3.0"  # names the jar
    assert re.search(r"^bash\)$", (DOCKER / "entrypoint.sh").read_text(), re.MULTILINE)


def test_state_that_would_be_gone(folder: Path) -> None:
    """A folder of a pod is none for state; a URL is."""
    with pytest.raises(UsageError, match=r"job\.checkpoints\.dir: '/state' would be gone with its pod"):
        written(folder, claim=None)
    (folder / "monitors.yaml").write_text(CONFIG.replace("dir: /state", 'dir: "s3://bucket/state"'))
    _, deployed = written(folder, claim=None, secret=None)
    assert len(deployed["spec"]["podTemplate"]["spec"]["volumes"]) == 1


def test_too_much_for_a_config_map(folder: Path) -> None:
    """What to do instead."""
    with (folder / "models" / "more.yaml").open("a") as file:
        file.write("#" * MOST)
    with pytest.raises(UsageError, match="a ConfigMap takes 1,000,000"):
        written(folder)


def test_files_from_elsewhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The pods would not find them."""
    other = tmp_path_factory.mktemp("other")
    (folder / "profiles" / "churn.json").rename(other / "churn.json")
    (folder / "monitors.yaml").write_text(CONFIG.replace("profiles/{model}", f"{other}/{{model}}"))
    with pytest.raises(UsageError, match="is not in the configuration's folder"):
        written(folder)


@pytest.mark.parametrize(
    ("name", "expected"), [("a" * 60, "a" * 45), ("9 lives", "t-9-lives-prod"), ("ä", "prod"), ("x.y", "x-y-prod")]
)
def test_names(name: str, expected: str) -> None:
    """Kubernetes takes few letters, and the operator not many."""
    assert deployment("prod", name) == expected
