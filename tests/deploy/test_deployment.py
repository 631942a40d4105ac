"""What is shipped for containers and Prometheus fits the code. There is no engine here, so it is read, not run."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.metrics import Metrics
from deploy.network.canary import Canary
from deploy.network.door import ForecasterMetrics, PagerMetrics
from deploy.network.settings import load_network
from deploy.network.sites import Sites
from deploy.network.worker_http import WorkerMetrics
from models.tables.limits import LIMITS
from streams.intake.append import Records
from tests.support.service import invoked

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICE: dict[str, Any] = COMPOSE["services"]["chairside"]
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus.rules.yml").read_text())["groups"]
    for rule in group["rules"]
]

GIVEN_BY_PROMETHEUS = {"up"}
FUNCTIONS = re.compile(r"[a-zA-Z_]\w*(?=\s*\()")
NOT_NAMES = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"|(?:by|without|on|ignoring)\s*\([^)]*\)")
WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf"}


def stages() -> list[list[tuple[str, str]]]:
    """The Dockerfile's instructions, stage by stage."""
    text = re.sub(r"^#.*\n", "", (ROOT / "deploy/Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def kept_files() -> list[str]:
    """Every file of the repository: committed, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return listed.stdout.splitlines()


def is_kept(path: str) -> bool:
    return any(file == path or file.startswith(f"{path}/") for file in kept_files())


def shipped_command() -> list[str]:
    return [word for part in SERVICE["command"] for word in part.split("=", 1)]


def unknown(subcommand: str, options: list[str]) -> list[str]:
    """The options that a command of `chairside` does not know."""
    help_page = invoked(subcommand, "--help")
    assert help_page.status == 0, help_page.stderr
    return [option for option in options if option.startswith("--") and option not in help_page.stdout]


def test_whatever_the_image_copies_is_in_the_repository() -> None:
    copied = [
        source
        for stage in stages()
        for word, rest in stage
        if word in {"COPY", "ADD"} and "--from=" not in rest
        for source in rest.split()[:-1]
    ]
    assert copied
    assert [source for source in copied if not is_kept(source)] == []


def test_whatever_the_image_copies_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for stage in stages()
        for word, rest in stage
        if word == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    }
    assert "*" in lines
    assert copied == let_in


def test_a_stage_copies_only_from_stages_before_it() -> None:
    named: set[str] = set()
    for stage in stages():
        for word, rest in stage:
            for origin in re.findall(r"--from=(\S+)", rest) if word == "COPY" else []:
                assert origin in named
        named |= set(re.findall(r" AS (\S+)", stage[0][1]))


def test_the_image_does_not_run_as_root() -> None:
    (user,) = [rest for word, rest in stages()[-1] if word == "USER"]
    assert user.split(":")[0].isdigit()
    assert user.split(":")[0] != "0"
    assert SERVICE["user"] == user


def test_the_image_and_the_command_line_here_install_the_same_uv() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    (image,) = re.findall(r"uv==([\d.]+)", dockerfile)
    assert f"uv_version={image}\n" in (ROOT / ".ci/setup").read_text()


def test_the_image_and_compose_start_the_same_command() -> None:
    (command,) = [rest for word, rest in stages()[-1] if word == "CMD"]
    (entrypoint,) = [rest for word, rest in stages()[-1] if word == "ENTRYPOINT"]
    assert json.loads(entrypoint) == ["chairside"]
    assert json.loads(command) == shipped_command()


def test_the_command_is_one_that_chairside_knows() -> None:
    subcommand, *options = shipped_command()
    assert unknown(subcommand, options) == []


def test_only_the_data_folder_can_be_written() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    volumes = [re.sub(r"\$\{[^}]*\}", "set-by-owner", volume).split(":") for volume in SERVICE["volumes"]]
    writable = [parts[1] for parts in volumes if parts[2:] != ["ro"]]
    command = shipped_command()
    assert writable == [command[command.index("--data") + 1]]
    assert command[command.index("--config") + 1] in [parts[1] for parts in volumes]


def test_nothing_listens_beyond_this_machine_unless_the_owner_says_so() -> None:
    for service in COMPOSE["services"].values():
        for port in service.get("ports", ()):
            assert re.match(r"(\$\{CHAIRSIDE_LISTEN:-127\.0\.0\.1\}|127\.0\.0\.1):", port)


def test_files_mounted_by_compose_are_in_the_repository() -> None:
    mounted = [
        re.sub(r"^\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service["volumes"]
    ]
    files = [path.removeprefix("./") for path in mounted if path.startswith("./")]
    assert "deploy/site.example.toml" in files
    assert [path for path in files if not is_kept(path)] == []
    # Until it has been made, Prometheus has an empty token, and is turned away.
    assert {path for path in mounted if not path.startswith("./")} == {*COMPOSE["volumes"], "/dev/null"}


NETWORK: dict[str, Any] = {name: service for name, service in COMPOSE["services"].items() if "profiles" in service}


def test_nothing_of_a_network_starts_unless_it_is_asked_for() -> None:
    assert set(NETWORK) == {"kafka", "database", "topics", "worker", "pager", "forecaster", "edge"}
    assert all(service["profiles"] == ["network"] for service in NETWORK.values())


@pytest.mark.parametrize("name", ["topics", "worker", "pager", "forecaster", "edge"])
def test_a_process_of_a_network_is_a_command_that_chairside_knows_and_may_write_nothing(name: str) -> None:
    service = NETWORK[name]
    subcommand, *options = [word for part in service["command"] for word in part.split("=", 1)]
    assert unknown(subcommand, options) == []
    assert service["read_only"] is True
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert options[options.index("--network") + 1] in [
        re.sub(r"\$\{[^}]*\}", "", v).split(":")[1] for v in service["volumes"]
    ]


def test_the_networks_of_the_examples_can_be_read(tmp_path: Path) -> None:
    shipped = load_network(ROOT / "deploy/network.compose.toml")
    assert shipped.kafka.brokers == "kafka:9092"
    assert set(Sites(shipped.sites).configured) == {"north"}
    example = tmp_path / "network.toml"
    example.write_text((ROOT / "deploy/network.example.toml").read_text())
    (tmp_path / "sites").mkdir()
    (tmp_path / "secrets").mkdir()
    for secret in ("kafka-ca.pem", "kafka-password", "database-password", "answer-keys"):
        (tmp_path / "secrets" / secret).write_text("secret\n")
    network = load_network(example)
    assert network.answers.keys()() == ["secret"]
    assert network.database.located().startswith(
        "postgresql://chairside:secret@database:5432/chairside?sslmode=verify-full"
    )


MANIFESTS = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_kubernetes_takes_every_manifest(file: Path) -> None:
    for manifest in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_every_workload_in_kubernetes_is_a_command_that_is_not_root_and_may_be_moved_one_at_a_time() -> None:
    manifests = [each for file in MANIFESTS for each in yaml.safe_load_all(file.read_text())]
    workloads = [each for each in manifests if each["kind"] in {"Deployment", "Job"}]
    assert {each["metadata"]["name"] for each in workloads} == {"topics", "worker", "pager", "forecaster", "edge"}
    for workload in workloads:
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        subcommand, *options = [word for part in container["args"] for word in part.split("=", 1)]
        assert unknown(subcommand, options) == []
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert workload["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    budgets = {each["metadata"]["name"]: each["spec"] for each in manifests if each["kind"] == "PodDisruptionBudget"}
    assert set(budgets) == {each["metadata"]["name"] for each in workloads if each["kind"] == "Deployment"}
    assert all(budget["maxUnavailable"] == 1 for budget in budgets.values())


def test_health_is_asked_at_a_route_that_exists() -> None:
    (address,) = re.findall(r"https?://[^\"]+", " ".join(SERVICE["healthcheck"]["test"]))
    command = shipped_command()
    port = command[command.index("--port") + 1]
    assert address == f"http://127.0.0.1:{port}/healthz"
    sources = [path for package in ("deploy", "streams", "alerts") for path in (ROOT / package).glob("*.py")]
    assert any('"/healthz"' in path.read_text() for path in sources)


def test_prometheus_scrapes_the_service_where_it_listens() -> None:
    (job,) = [each for each in PROMETHEUS["scrape_configs"] if each["job_name"] == "chairside"]
    (target,) = [target for static in job["static_configs"] for target in static["targets"]]
    mounts = [volume.rsplit(":", 2)[1] for volume in COMPOSE["services"]["prometheus"]["volumes"]]
    assert job["authorization"]["credentials_file"] in mounts
    command = shipped_command()
    assert target == f"chairside:{command[command.index('--port') + 1]}"
    assert job.get("metrics_path", "/metrics") == "/metrics"
    assert any(str(port).endswith(f":{target.split(':')[1]}") for port in SERVICE["ports"])


def test_prometheus_finds_its_rules_where_compose_puts_them() -> None:
    mounts = dict(volume.split(":")[:2] for volume in COMPOSE["services"]["prometheus"]["volumes"])
    for file in PROMETHEUS["rule_files"]:
        assert mounts[f"./deploy/{file}"] == f"/etc/prometheus/{file}"


def with_canary() -> CollectorRegistry:
    """An edge's metrics."""
    metrics = Metrics()
    Canary(never, 1, metrics.registry, lambda: 0)
    return metrics.registry


async def never(records: Records) -> None:
    raise AssertionError(records)


REGISTRIES = (with_canary(), *(made().registry for made in (WorkerMetrics, PagerMetrics, ForecasterMetrics)))


def exported_names() -> Iterator[str]:
    """Every series name that our metrics can appear under."""
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    for family in chain.from_iterable(each.collect() for each in REGISTRIES):
        yield from (family.name + ending for ending in endings.get(family.type, [""]))


def names_in(expression: str) -> set[str]:
    """The series that a PromQL expression reads; enough of its grammar for our own rules."""
    bare = FUNCTIONS.sub(" ", NOT_NAMES.sub(" ", expression))
    return {word for word in re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", bare) if word not in WORDS}


def test_alert_rules_say_what_to_do_and_whom_it_concerns() -> None:
    for rule in RULES:
        assert re.fullmatch(r"Chairside[A-Z]\w+", rule["alert"])
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_rules_read_only_what_is_measured(rule: dict[str, Any]) -> None:
    names = names_in(rule["expr"])
    assert names
    assert names <= GIVEN_BY_PROMETHEUS | set(exported_names())


DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_every_query_of_a_dashboard_reads_only_what_is_measured(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) >= len(dashboard["panels"]) > 10
    known = set(exported_names()) | {"instance", "job"}
    assert {query: names_in(query) - known for query in queries if not names_in(query) or names_in(query) - known} == {}
    assert {query for query in queries if query.count("(") != query.count(")")} == set()


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_grafana_s_and_its_panels_do_not_lie_over_each_other(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    (source,) = yaml.safe_load((ROOT / "deploy/grafana/datasource.yml").read_text())["datasources"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    places = set[tuple[int, int]]()
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["datasource"]["uid"] == source["uid"]
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        covers = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not covers & places
        places |= covers


def test_grafana_reads_what_is_mounted_and_prometheus_tells_the_alertmanager_that_is_there() -> None:
    mounts = dict(volume.split(":")[1::-1] for volume in COMPOSE["services"]["grafana"]["volumes"])
    (provider,) = yaml.safe_load((ROOT / "deploy/grafana/dashboards.yml").read_text())["providers"]
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    (source,) = yaml.safe_load((ROOT / "deploy/grafana/datasource.yml").read_text())["datasources"]
    assert source["url"].removeprefix("http://").split(":")[0] in COMPOSE["services"]
    (manager,) = [
        target
        for each in PROMETHEUS["alerting"]["alertmanagers"]
        for static in each["static_configs"]
        for target in static["targets"]
    ]
    assert manager.split(":")[0] in COMPOSE["services"]
    route = yaml.safe_load((ROOT / "deploy/alertmanager.yml").read_text())
    receivers = {each["name"] for each in route["receivers"]}
    assert {route["route"]["receiver"], *(each["receiver"] for each in route["route"]["routes"])} <= receivers


def test_the_example_configuration_is_toml_also_where_it_is_commented_out() -> None:
    text = (ROOT / "deploy/site.example.toml").read_text()
    plain = tomllib.loads(text)
    assert plain["site"]["name"] == "main"
    assert plain["pages"]["destinations"] == ["console:"]

    shown = tomllib.loads(re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE))
    asked = {
        (rule, priority, channel)
        for rule, priorities in shown["limits"].items()
        for priority, channels in priorities.items()
        for channel in channels
    }
    assert asked
    assert asked <= {limit.key for limit in LIMITS}


def test_names_in_a_rule_are_read_as_prometheus_reads_them() -> None:
    """The little grammar above, against the shapes that our rules have."""
    assert names_in('up{job="chairside"} == 0') == {"up"}
    assert names_in("histogram_quantile(0.99, sum by (le) (rate(a_bucket[10m]))) > 2") == {"a_bucket"}
    assert names_in("rate(a_total[1m]) > 0.05 * (rate(b_total[1m]) + c) and d > 1e3") == {
        "a_total",
        "b_total",
        "c",
        "d",
    }
