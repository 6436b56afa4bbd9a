"""docker-compose.yml and the Dockerfile, as far as they can be judged without an engine."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from workers.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "infra/Dockerfile"
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
IMAGES = {service["image"] for name, service in SERVICES.items() if "build" not in service}
TAGGED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+(-[\w.-]+)?")

# A variable that may be set at the start: `${NAME:-default}`.
DEFAULTED = re.compile(r"\$\{\w+:-(.*?)\}")


def instructions(word: str) -> list[str]:
    """The arguments of each such instruction of the Dockerfile, its continued lines joined."""
    joined = DOCKERFILE.read_text().replace("\\\n", " ")
    return re.findall(rf"^{word} +(.+)$", joined, re.MULTILINE)


def test_the_file_conforms_to_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_variable_given_to_the_worker_is_a_setting() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    used = set(re.findall(rf"\b{PREFIX}[A-Z_]+", COMPOSE_FILE.read_text().replace(f"{PREFIX}*", "")))
    used |= set(re.findall(rf"\b{PREFIX}[A-Z_]+", DOCKERFILE.read_text()))
    assert used
    assert used - known == set()


def test_the_environment_given_to_the_worker_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["worker"]["environment"].items():
        monkeypatch.setenv(name, DEFAULTED.sub(r"\1", value))
    settings = load_settings()
    assert settings.index_kind == "edge"
    assert settings.qdrant_url == "http://qdrant:6334"
    assert settings.bootstrap_servers in listeners("KAFKA_ADVERTISED_LISTENERS")
    assert f"127.0.0.1:{settings.web_port}:{settings.web_port}" in SERVICES["worker"]["ports"]
    assert f"worker-data:{settings.data_path}" in SERVICES["worker"]["volumes"]


def listeners(variable: str) -> list[str]:
    return [one.split("://")[1] for one in SERVICES["kafka"]["environment"][variable].split(",")]


def test_every_kafka_listener_has_a_protocol_and_every_advertised_one_is_open() -> None:
    environment = SERVICES["kafka"]["environment"]
    opened, advertised, protocols = (
        {one.split(":")[0] for one in environment[f"KAFKA_{variable}"].split(",")}
        for variable in ("LISTENERS", "ADVERTISED_LISTENERS", "LISTENER_SECURITY_PROTOCOL_MAP")
    )
    assert opened == protocols
    assert advertised == opened - {environment["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert environment["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised


@pytest.mark.parametrize("image", sorted(IMAGES | set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.M))))
def test_every_image_is_pinned_to_a_version(image: str) -> None:
    assert TAGGED.fullmatch(image)


def test_kafka_and_qdrant_are_of_the_versions_that_the_tests_run() -> None:
    jars = tomllib.loads((ROOT / "infra/kafka.lock.toml").read_text())["dependencies"]
    versions = {image.split(":")[0]: image.split(":")[1] for image in IMAGES}
    assert [jar["version"] for jar in jars if jar["artifactId"] == "kafka_2.13"] == [versions["apache/kafka"]]
    client = re.search(r"^qdrant-client==(\d+\.\d+)\.", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert client and versions["qdrant/qdrant"].startswith(f"v{client[1]}.")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


def test_no_two_services_publish_the_same_port() -> None:
    published = [port.split(":")[1] for service in SERVICES.values() for port in service["ports"]]
    assert len(set(published)) == len(published)


def test_everything_mounted_exists() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service["volumes"]]
    folders = {mount for mount in mounts if mount.startswith(".")}
    assert set(mounts) - folders == set(COMPOSE["volumes"])
    assert folders and all((ROOT / folder).is_dir() for folder in folders)


def test_only_the_worker_with_an_index_of_its_own_starts_by_default() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["qdrant"]


def test_the_image_runs_a_command_of_the_project_as_an_ordinary_user() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["tastestream"].split(":")
    probe = f"import sys, {module} as cli; sys.argv[1:] = ['worker', '--help']; cli.{function}()"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (instructions("ENTRYPOINT"), instructions("CMD")) == (['["tastestream"]'], ['["worker"]'])
    assert instructions("USER") == ["10001"]


def test_what_the_image_copies_exists_and_is_sent_to_the_engine() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]}
    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)


def test_prometheus_scrapes_the_worker_and_grafana_reads_prometheus() -> None:
    scrapes = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["scrape_configs"]
    workers = {job["job_name"]: job for job in scrapes}["tastestream"]["dns_sd_configs"][0]
    port = int(SERVICES["worker"]["environment"]["TASTESTREAM_WEB_PORT"])
    assert (workers["names"], workers["port"]) == (["worker"], port)
    sources = yaml.safe_load((ROOT / "infra/grafana/provisioning/datasources/prometheus.yml").read_text())
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
    assert "127.0.0.1:9090:9090" in SERVICES["prometheus"]["ports"]


def test_grafana_finds_the_dashboards_where_they_are_mounted() -> None:
    provider = yaml.safe_load((ROOT / "infra/grafana/provisioning/dashboards/tastestream.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert f"./infra/grafana/dashboards:{folder}:ro" in SERVICES["grafana"]["volumes"]
    assert (ROOT / "infra/grafana/dashboards" / Path(home).relative_to(folder)).is_file()


class ReadyPage(BaseHTTPRequestHandler):
    """Answers /readyz with `status`, and nothing else."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def ready_page(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a page that answers with the status given as the fixture's parameter."""
    handler = type("Page", (ReadyPage,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(("ready_page", "healthy"), [(200, True), (503, False)], indirect=["ready_page"])
def test_the_worker_is_healthy_when_it_is_ready(ready_page: int, healthy: bool) -> None:
    kind, python, *arguments = SERVICES["worker"]["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    command = [one.replace(":6066/", f":{ready_page}/") for one in arguments]
    done = subprocess.run([sys.executable, *command], capture_output=True, check=False)
    assert (done.returncode == 0) is healthy
