"""A job as a manifest for Flink's Kubernetes operator: a FlinkDeployment in application mode, and its files.

The image is that of docker/: it holds Tidemark, Flink and Python, and starts as the operator asks for. The
configuration and the profiles are in a ConfigMap; secrets come as variables from a Secret, by the names that
``${NAME}`` has in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import yaml

from config import Configuration
from jobs.cluster.rest import FLINK
from jobs.runtime import options
from operators.profiles.profile_files import load_references
from schemas.errors import SetupError, UsageError

FILES = "/etc/tidemark/job"  # where the pods find the configuration
CONF = "/etc/tidemark/flink"  # where the image has Flink's
HOME = "/opt/flink"  # where it has Flink
PYTHON = "/opt/tidemark/bin/python"
ARGUMENTS = ("-pyclientexec", PYTHON, "-pyexec", PYTHON, "-pym", "jobs.monitor")
MOST = 1_000_000  # bytes in a ConfigMap: Kubernetes takes 1 MiB, names and all
NAME = 45  # characters of a deployment's name: the operator makes names of pods and services of it
MANAGER = {"cpu": 1, "memory": "1600m"}
WORKER = {"cpu": 2, "memory": "3g"}  # the JVM and the Python worker fill a processor each
OWN = {  # of the cluster, beside what the job asks for
    "kubernetes.entry.path": "/usr/local/bin/tidemark-entrypoint",
    "kubernetes.flink.conf.dir": CONF,
    "taskmanager.numberOfTaskSlots": "1",
    "taskmanager.memory.managed.size": "256m",
    "metrics.reporters": "prometheus",
    "metrics.reporter.prometheus.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
    "metrics.reporter.prometheus.port": "9249",
    "metrics.reporter.prometheus.filterLabelValueCharacters": "false",  # or 'a-b' and 'a_b' would be one model
}


def manifest(loaded: Configuration, *, image: str, claim: str | None, secret: str | None) -> str:
    """Give the manifest as YAML: a ConfigMap and a FlinkDeployment.

    Parameters
    ----------
    image
        Of docker/Dockerfile, with its registry and tag.
    claim
        Name of a PersistentVolumeClaim that all pods mount at ``job.checkpoints.dir``; None: that is a URL.
    secret
        Name of the Secret with the variables that the configuration asks for.

    Raises
    ------
    UsageError, ProfileError
        The job cannot run so; the message says what to change.
    """
    plan = loaded.plan
    load_references(plan)  # profiles that are not right are told here, and not by a pod
    if "://" not in plan.job.checkpoint_dir and claim is None:
        message = (
            f"job.checkpoints.dir: '{plan.job.checkpoint_dir}' would be gone with its pod; give a URL that all pods "
            "reach (its file system has to be in the image), or --claim, a volume that they share"
        )
        raise UsageError(message)
    name = deployment(plan.job.environment, plan.job.name)
    files = dict(_files(loaded))
    size = sum(map(len, files.values()))
    if size > MOST:
        message = (
            f"the configuration and its profiles have {size:,} bytes, a ConfigMap takes {MOST:,}; "
            "put the profiles where all pods reach them (reference: s3://...), or into the image"
        )
        raise UsageError(message)
    keys = {path: f"file-{number}" for number, path in enumerate(files)}
    mapped = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {keys[path]: content for path, content in files.items()},
    }
    job = {
        "jarURI": f"local://{HOME}/opt/flink-python-{FLINK}.0.jar",
        "entryClass": "org.apache.flink.client.python.PythonDriver",
        "args": [*ARGUMENTS, "--config", f"{FILES}/{loaded.path.name}"],
        "parallelism": plan.job.parallelism,
        "state": "running",
        "upgradeMode": "savepoint",
    }
    deployed = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name},
        "spec": {
            "image": image,
            "flinkVersion": "v" + FLINK.replace(".", "_"),
            "serviceAccount": "flink",
            "flinkConfiguration": {
                "env.java.opts.all": _java_options(),
                **options(plan.job, bounded=False, embedded=False),
                **OWN,
            },
            "podTemplate": _pods(plan.job.checkpoint_dir, name, keys, claim, secret),
            "jobManager": {"resource": MANAGER, "replicas": 1},
            "taskManager": {"resource": WORKER},
            "job": job,
        },
    }
    return yaml.dump_all([mapped, deployed], Dumper=_Dumper, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def deployment(environment: str, name: str) -> str:
    """The deployment of a job, as Kubernetes takes names.

    >>> deployment("prod", "Churn_monitor")
    'churn-monitor-prod'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", f"{name}-{environment}".lower()).strip("-")
    return re.sub(r"^(?=[^a-z])", "t-", plain)[:NAME].rstrip("-")


def _pods(folder: str, name: str, keys: dict[str, str], claim: str | None, secret: str | None) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {
            "name": "job",
            "configMap": {"name": name, "items": [{"key": key, "path": path} for path, key in keys.items()]},
        }
    ]
    mounts = [{"name": "job", "mountPath": FILES, "readOnly": True}]
    if claim is not None:
        volumes.append({"name": "state", "persistentVolumeClaim": {"claimName": claim}})
        mounts.append({"name": "state", "mountPath": folder})
    container: dict[str, Any] = {"name": "flink-main-container", "volumeMounts": mounts}
    if secret is not None:
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    return {
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 9999, "fsGroup": 9999},
            "containers": [container],
            "volumes": volumes,
        }
    }


def _files(loaded: Configuration) -> Iterator[tuple[str, str]]:
    """The configuration and what it reads, by their places in its folder."""
    text = loaded.path.read_text(encoding="utf-8")
    yield loaded.path.name, text
    patterns = [str(loaded.directory / pattern) for pattern in (yaml.safe_load(text) or {}).get("include") or ()]
    for model in loaded.plan.models:
        if model.reference is not None:
            patterns.append(model.reference.replace("{model}", model.name).replace("{version}", "*"))
        patterns += [feature.vocabulary for feature in model.features if feature.vocabulary is not None]
    for pattern in dict.fromkeys(patterns):
        if "://" in pattern:
            continue  # the pods read it where it is
        system, place = fsspec.core.url_to_fs(pattern)
        for path in sorted(system.glob(place)):
            if not Path(path).is_relative_to(loaded.directory):
                message = f"{path}: is not in the configuration's folder, and has no place in the pods; move it there"
                raise UsageError(message)
            yield str(Path(path).relative_to(loaded.directory)), Path(path).read_text(encoding="utf-8")


def _java_options() -> str:
    """Those that Flink does not start without, from its own configuration."""
    spec = find_spec("pyflink")
    if spec is None or spec.origin is None:
        message = "--manifest: needs Flink, which is not installed; pip install 'tidemark[flink]'"
        raise SetupError(message)
    theirs = yaml.safe_load((Path(spec.origin).parent / "conf" / "config.yaml").read_text(encoding="utf-8"))
    return str(theirs["env"]["java"]["opts"]["all"])
