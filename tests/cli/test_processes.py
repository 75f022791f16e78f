"""The command as a process: a plugin from its metadata, a real simulator, signals and pipes."""

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PLUGIN = '''
"""An exchange whose simulator answers everything with its number of connections."""
import random

import venuekit.plugin as vk
from venuekit.sim.dialect import Dialect, SimAnswer, SimCredentials


class Adapter(vk.Adapter):
    def failure(self, call, answer):
        return None


@vk.hookimpl
def venuekit_exchange():
    return vk.Manifest(
        id="acme",
        title="Acme",
        adapter=Adapter,
        interface=(1, 0),
        environments={"sim": vk.Environment(hosts={"rest": "http://{address}"})},
        credentials=[],
        budgets=[],
        client_order_id=vk.ClientOrderIdRule(
            pattern="[a-z]{1,20}", alphabet="abc", max_length=20, dedupe=vk.Dedupe.OPEN_ONLY
        ),
        timing=vk.Timing(request_validity_s=5, engine_timeout_s=10, visibility_lag_s=1),
        simulator="acme_plugin:create",
    )


class Quiet(Dialect):
    def handle(self, request, now_ns):
        return SimAnswer(200, (), b"hello")

    def credentials(self, account="first"):
        return SimCredentials(account, "public", "secret")

    def named_answer(self, name, request, now_ns):
        raise KeyError(name)

    def accepts(self, request, now_ns):
        return None

    def connected(self, socket, now_ns):
        pass

    def received(self, socket, data, now_ns):
        pass

    def pinged(self, socket, payload, now_ns):
        pass

    def ponged(self, socket, payload, now_ns):
        pass

    def disconnected(self, socket, now_ns):
        pass

    def advance(self, now_ns):
        self.run_due(now_ns)

    def next_due_ns(self):
        return self.next_action_ns()


def create(*, seed):
    return Quiet(random.Random(seed))
'''
COMMAND = [sys.executable, "-W", "error", "-c", "from venuekit.cli import main; main()"]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "acme_plugin.py").write_text(PLUGIN)
    info = tmp_path / "acme_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[venuekit.exchanges]\nacme = acme_plugin\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "PYTHONPATH": path, "HOME": str(tmp_path)}


@pytest.fixture
def simulator(variables: dict[str, str], tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [*COMMAND, "sim", "acme", "--json"],
        env=variables,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize(("ended_by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_simulator_is_served_until_it_is_ended(
    simulator: "subprocess.Popen[str]", ended_by: signal.Signals, code: int
) -> None:
    assert simulator.stdout is not None
    told = json.loads(simulator.stdout.readline())
    assert (told["event"], told["exchange"]) == ("serving", "acme")

    with urllib.request.urlopen(f"http://{told['address']}/x", timeout=10) as answer:
        assert answer.read() == b"hello"

    simulator.send_signal(ended_by)
    _, errors = simulator.communicate(timeout=10)
    assert simulator.returncode == code
    assert errors == "venuekit: interrupted\n"


def test_a_port_in_use_is_a_sentence(
    simulator: "subprocess.Popen[str]", variables: dict[str, str], tmp_path: Path
) -> None:
    assert simulator.stdout is not None
    port = json.loads(simulator.stdout.readline())["address"].rpartition(":")[2]

    done = run(["sim", "acme", "--port", port], variables, tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith(f"venuekit: port {port} cannot be used: ")
    assert len(done.stderr.splitlines()) == 1


def test_plugins_are_listed_from_metadata(variables: dict[str, str], tmp_path: Path) -> None:
    done = run(["plugins", "--check", "--json"], variables, tmp_path)

    listed: list[dict[str, Any]] = json.loads(done.stdout)
    (acme,) = [entry for entry in listed if entry["id"] == "acme"]
    assert (acme["distribution"], acme["status"], acme["title"]) == ("acme-plugin", "ready", "Acme")


def test_a_reader_that_goes_away_ends_the_command_in_silence(
    variables: dict[str, str], tmp_path: Path
) -> None:
    script = f"{shlex.join(COMMAND)} --help | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stderr == ""
    assert done.returncode == 0


def run(
    tokens: list[str], variables: dict[str, str], folder: Path
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *tokens],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
