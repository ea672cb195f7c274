"""The manifests say what the code does: commands, options, variables, ports, paths, names of metrics.

Their shape is checked against Kubernetes' own schemas by `python -m tests.kubernetes.schemas`; here is what no schema
knows.
"""

import re
from urllib.parse import urlsplit

import pytest
from django.core.management import load_command_class

from compose.kubernetes import prometheus_rules
from config import engines
from taskyard.backend import WorkerOptions
from taskyard_workers.process import TIME_TO_YIELD
from taskyard_workers.shutdown import PARENT_PIPE
from tests.support.servers import ServerMissing

from .rendering import ENGINES, EVERYTHING, ROOT, KubectlMissing, rendered

OVERLAYS = ["development", "production", EVERYTHING]
WORKLOADS = {"Deployment", "StatefulSet", "Job"}
OURS = re.compile(r"(?:.*/)?taskyard-shop(?::.*)?")
"""The image with our code in it."""

COMMANDS = {"worker": "taskyard_workers", "dispatcher": "taskyard_workers", "migrate": "django.core"}


@pytest.fixture(params=OVERLAYS)
def overlay(request):
    """What an overlay applies."""
    return of_overlay(request.param)


def of_overlay(name):
    try:
        return rendered(name)
    except KubectlMissing as missing:
        raise ServerMissing(str(missing)) from missing


def of_kind(manifests, *kinds):
    return [each for each in manifests if each["kind"] in kinds]


def pods(manifests):
    """Return each workload's name with its pod's template."""
    return {each["metadata"]["name"]: each["spec"]["template"] for each in of_kind(manifests, *WORKLOADS)}


def containers(manifests):
    """Return all containers, those that run first included, by the workload's and their own name."""
    return {
        (name, container["name"]): container
        for name, pod in pods(manifests).items()
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    }


def ours(manifests):
    return {key: each for key, each in containers(manifests).items() if OURS.fullmatch(each["image"])}


def option(command, name):
    """Return the value of a command's option."""
    return next(part.split("=", 1)[1] for part in command if part.startswith(f"{name}="))


def fits(labels, selector):
    return selector.items() <= labels.items()


# --- what runs ---


def test_management_commands_take_their_options(overlay):
    seen = set()
    for container in ours(overlay).values():
        command = container["command"]
        if command[:2] != ["python", "manage.py"]:
            continue
        name, *arguments = command[2:]
        parser = load_command_class(COMMANDS[name], name).create_parser("manage.py", name)
        parser.parse_args(arguments)  # ends the test where it knows an option not
        seen.add(name)
    assert seen == set(COMMANDS)


def test_the_commands_are_those_of_compose(overlay):
    import yaml

    services = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())["services"]
    theirs = {name: service.get("command") for name, service in services.items()}
    names = {"app": "app", "dispatcher": "dispatcher", "migrate": "migrate", "flower": "flower"}
    for (workload, name), container in ours(overlay).items():
        if name == "schema":
            continue
        service = workload if name == "worker" else names[name]
        assert container["command"] == theirs[service], workload


def test_a_worker_serves_the_engine_of_its_name(overlay):
    settings = {**of_kind(overlay, "ConfigMap")[0]["data"]}
    served = (
        set(settings["SHOP_ENGINES"].split(",")) if overlay is not of_overlay(EVERYTHING) else set(ENGINES)
    )
    workers = {key: each for key, each in ours(overlay).items() if key[1] == "worker"}
    for (workload, _), container in workers.items():
        assert workload == f"worker-{option(container['command'], '--backend')}"
    assert {option(each["command"], "--backend") for each in workers.values()} == served


def test_there_is_a_component_for_each_engine(monkeypatch):
    monkeypatch.setenv("SHOP_ENGINES", "all")

    assert set(engines.side_by_side()) == set(ENGINES)


def test_variables_are_read_by_the_code(overlay):
    sources = [
        *(ROOT / "project" / "config").glob("*.py"),
        ROOT / "monitoring" / "flower" / "flowerconfig.py",
    ]
    code = "\n".join(path.read_text() for path in sources)
    secrets = of_kind(overlay, "Secret")
    names = {
        *(name for each in of_kind(overlay, "ConfigMap") for name in each["data"]),
        *(name for each in secrets for name in each["data"]),
        *(each["name"] for container in ours(overlay).values() for each in container.get("env", [])),
    }
    not_ours = {
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "RABBITMQ_PASSWORD",
        "POD_IP",
        "CELERY_BROKER_URL",
        "DJANGO_SETTINGS_MODULE",
    }
    read = {name for name in names if name in code or re.sub(r"_[A-Z]+$", "_", name) in code}
    assert names - not_ours <= read


# --- stopping and starting ---


def test_workers_get_longer_to_stop_than_they_take(overlay):
    for name, pod in pods(overlay).items():
        for container in pod["spec"]["containers"]:
            if container["name"] == "worker":
                writing = 10  # Recorder.close
                needed = float(option(container["command"], "--grace")) + TIME_TO_YIELD + writing
                assert pod["spec"]["terminationGracePeriodSeconds"] > needed, name
                assert "lifecycle" not in container
    assert WorkerOptions().grace == 30
    assert PARENT_PIPE  # the parent that serves the port passes SIGTERM on


def test_pods_wait_for_requests_to_end_elsewhere_first(overlay):
    spec = pods(overlay)["site"]["spec"]
    sleeps = {
        each["name"]: int(each["lifecycle"]["preStop"]["exec"]["command"][1]) for each in spec["containers"]
    }
    server = int(option(spec["containers"][0]["command"], "--timeout-graceful-shutdown"))

    assert sleeps["nginx"] >= sleeps["app"] + server
    assert spec["terminationGracePeriodSeconds"] > sleeps["nginx"] + server


def test_all_that_uses_the_schema_waits_for_it(overlay):
    for name, pod in pods(overlay).items():
        runs_our_code = any(OURS.fullmatch(each["image"]) for each in pod["spec"]["containers"])
        if runs_our_code and name not in {"migrate", "flower"}:
            assert [each["command"][2:] for each in pod["spec"]["initContainers"]] == [["migrate", "--check"]]


# --- probes ---


def test_probes_ask_ports_and_paths_that_are_there(overlay):
    known = {
        ("worker", "/healthz", 9464),
        ("dispatcher", "/healthz", 9464),
        ("app", "/login/", 8000),
        ("nginx", "/static/shop/shop.css", 80),
        ("flower", "/healthcheck", 5555),
    }
    found = set()
    for (workload, name), container in containers(overlay).items():
        if name == "schema" or workload == "migrate":
            continue
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container[kind]
            if "httpGet" in probe:
                found.add((name, probe["httpGet"]["path"], ports[probe["httpGet"]["port"]]))
            elif "tcpSocket" in probe:
                assert probe["tcpSocket"]["port"] in ports
            assert probe["timeoutSeconds"] >= 5, workload
    assert found <= known
    assert {name for name, _, _ in found} >= {"worker", "dispatcher", "app", "nginx"}
    assert (ROOT / "project/shop/static/shop/shop.css").exists()


def test_ports_of_commands_are_the_containers_ports(overlay):
    for (workload, _), container in ours(overlay).items():
        ports = {str(each["containerPort"]) for each in container.get("ports", [])}
        named = {
            part.split("=")[1].rpartition(":")[2]
            for part in container["command"]
            if part.startswith(("--port=", "--metrics="))
        }
        assert ports == named, workload


# --- who they are and what they may ---


def test_pods_run_under_the_restricted_profile(overlay):
    for name, pod in pods(overlay).items():
        spec = pod["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert {next(iter(each.keys() - {"name"})) for each in spec["volumes"]} <= {
            "emptyDir",
            "persistentVolumeClaim",
        }
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert (
                container["securityContext"].items()
                >= {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }.items()
            ), name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_our_containers_run_as_the_image_has_it(overlay):
    dockerfile = (ROOT / "compose" / "Dockerfile").read_text()
    [uid] = re.findall(r"useradd --uid (\d+)", dockerfile)
    for name, pod in pods(overlay).items():
        if any(OURS.fullmatch(each["image"]) for each in pod["spec"]["containers"]):
            assert pod["spec"]["securityContext"]["runAsUser"] == int(uid), name


def test_a_worker_is_replaced_before_it_is_killed_for_its_memory(overlay):
    for container in ours(overlay).values():
        if container["name"] == "worker":
            limit = container["resources"]["limits"]["memory"]
            assert limit == "1Gi"
            assert int(option(container["command"], "--max-memory")) < 1024


def test_no_secret_is_among_the_files():
    for path in (ROOT / "compose" / "kubernetes").rglob("*.yaml"):
        text = path.read_text()
        assert "kind: Secret" not in text, path
        assert not re.search(r"(?i)(password|secret_key|token):\s*['\"]?[A-Za-z0-9+/]{8,}", text), path
    assert (
        not list((ROOT / "compose" / "kubernetes").rglob("secrets.env"))
        or "secrets.env" in (ROOT / "compose" / "kubernetes" / ".gitignore").read_text()
    )


# --- what belongs together ---


def test_selectors_find_their_pods(overlay):
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(overlay).items()}
    for each in of_kind(overlay, "Deployment", "StatefulSet"):
        selector = each["spec"]["selector"]["matchLabels"]
        found = [name for name, of_pod in labels.items() if fits(of_pod, selector)]
        assert found == [each["metadata"]["name"]]
    for each in of_kind(overlay, "Service"):
        [name] = [name for name, of_pod in labels.items() if fits(of_pod, each["spec"]["selector"])]
        ports = {
            port["name"]
            for container in pods(overlay)[name]["spec"]["containers"]
            for port in container.get("ports", [])
        }
        assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports
    for each in of_kind(overlay, "PodMonitor"):
        selector = each["spec"]["selector"]["matchLabels"]
        assert [name for name, of_pod in labels.items() if fits(of_pod, selector)]


def test_each_deployment_has_a_disruption_budget_of_its_own(overlay):
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in of_kind(overlay, "Deployment")
    }
    protected = [
        name
        for each in of_kind(overlay, "PodDisruptionBudget")
        for name, of_pod in labels.items()
        if fits(of_pod, each["spec"]["selector"]["matchLabels"])
    ]
    assert sorted(protected) == sorted(labels)


def test_the_ingress_answers_under_the_sites_address(overlay):
    [settings] = of_kind(overlay, "ConfigMap")
    [ingress] = of_kind(overlay, "Ingress")

    assert ingress["spec"]["rules"][0]["host"] == urlsplit(settings["data"]["SHOP_URL"]).hostname


def test_configuration_that_is_referred_to_is_there(overlay):
    there = {(each["kind"], each["metadata"]["name"]) for each in of_kind(overlay, "ConfigMap", "Secret")}
    wanted = set()
    for container in containers(overlay).values():
        for source in container.get("envFrom", []):
            [(kind, reference)] = source.items()
            wanted.add(({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"]))
        for variable in container.get("env", []):
            for kind, reference in variable.get("valueFrom", {}).items():
                kinds = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
                if kind in kinds:
                    wanted.add((kinds[kind], reference["name"]))
    # What production has, stands in no file.
    assert wanted - there <= {("Secret", "shop-secrets")}


# --- who may talk to whom ---


def test_nothing_passes_that_is_not_named(overlay):
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(overlay, "NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    ways_in, ways_out = set(), set()
    for name, pod in pods(overlay).items():
        named = {
            port["name"]: port["containerPort"]
            for container in pod["spec"]["containers"]
            for port in container.get("ports", [])
        }
        for policy in policies.values():
            if not fits(pod["metadata"]["labels"], policy["podSelector"].get("matchLabels", {})):
                continue
            for rule in policy.get("ingress", []):
                assert rule["from"]
                ways_in |= {(name, named[port["port"]]) for port in rule["ports"]}
            for rule in policy.get("egress", []):
                ways_out |= {(name, port["port"]) for port in rule["ports"]}

    workers = {name for name in pods(overlay) if name.startswith("worker-")}
    data = {"postgres": 5432, "redis": 6379, "rabbitmq": 5672}
    there = {name: port for name, port in data.items() if name in pods(overlay)}
    tellers = {*workers, "dispatcher"}
    assert ways_in == {("site", 80), ("site", 8000), *((name, 9464) for name in tellers), *there.items()}
    mail = {465} if policies["data"]["egress"][0]["ports"][-1]["port"] == 465 else set()
    talkers = {*tellers, "site", "migrate", *({"flower"} & pods(overlay).keys())}
    assert ways_out == {
        *((name, port) for name in talkers for port in {*data.values(), *mail}),
        *((name, 53) for name in pods(overlay)),
    }


# --- monitoring ---


def test_the_rules_are_those_of_monitoring():
    assert prometheus_rules.TARGET.read_text() == prometheus_rules.text(), (
        "Run: python -m compose.kubernetes.prometheus_rules"
    )


def test_monitors_set_the_labels_that_rules_go_by():
    for each in of_kind(of_overlay("production"), "PodMonitor"):
        [endpoint] = each["spec"]["podMetricsEndpoints"]
        set_to = {rule["targetLabel"]: rule.get("replacement") for rule in endpoint["relabelings"]}
        assert set_to == {"site": "shop", "job": each["metadata"]["name"], "instance": None}
        assert endpoint["authorization"]["credentials"]["key"] == "SHOP_METRICS_TOKEN"
