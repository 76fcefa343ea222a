"""Services from start to removal, with real processes and sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit

import psutil
import pytest

from engine.errors import Cancelled, NotFound, ServiceError, UsageError
from engine.jobs import CancelToken
from engine.paths import state_dir
from engine.services import control, service_log
from engine.services.folder import ServiceFolder, services_folder
from engine.services.records import ServiceSpec
from tests.engine.services.conftest import get, own_processes, processes_end, start
from tests.support.kills import wait_until
from tests.support.socket_worker import FLOOD_LINES, worker_spec


def registered() -> list[str]:
    """What is on disk."""
    return sorted(path.name for path in services_folder().iterdir())


def test_a_service_is_started_found_stopped_and_removed() -> None:
    status = start(worker_spec())
    assert (status.state, status.facts) == ("serving", {"name": "one"})
    assert get(status) == "one"
    wait_until(lambda: control.find("heart").requests == 1)
    [found] = control.all_services("deployment")
    assert (found.pid, found.port, found.errors, found.restarts) == (status.pid, status.port, 0, 0)
    assert found.p50 is not None
    assert found.rate > 0
    assert len(found.processes) == 1
    assert control.all_services("server") == []

    assert get(status, "/leave") == "one"
    assert len(control.find("heart").processes) == 2
    assert control.stop("heart").state == "stopped"
    assert own_processes() == []
    assert "one is ready" in service_log.tail(status.log, 10)
    with pytest.raises(ServiceError, match="heart is not running"):
        control.stop("heart")
    control.remove("heart")
    assert control.all_services() == []
    assert registered() == []
    with pytest.raises(NotFound, match="heart"):
        control.find("heart")


@pytest.mark.slow
def test_a_service_outlives_the_console_and_its_terminal() -> None:
    code = (
        "import os; from engine.services import control; from tests.support.socket_worker import worker_spec;"
        "control.start(worker_spec(), os.environ); print(flush=True); os.read(0, 1)"
    )
    leader, terminal = os.openpty()
    console = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=terminal,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # it becomes the controlling terminal
    )
    os.close(terminal)
    assert console.stdout is not None
    console.stdout.readline()
    os.close(leader)
    console.wait(20)  # the hangup ends it
    status = control.find("heart")
    assert status.pid is not None
    os.kill(status.pid, signal.SIGHUP)
    wait_until(lambda: any("hangup" in line for line in service_log.tail(status.log, 5)))
    assert psutil.Process(status.pid).terminal() is None
    assert get(status) == "one"


def test_a_supervisor_is_light() -> None:
    status = start(worker_spec())
    assert status.pid is not None
    assert "numpy" not in Path(f"/proc/{status.pid}/maps").read_text()
    assert psutil.Process(status.pid).memory_info().rss < 40_000_000


def test_secrets_of_the_environment_reach_neither_disk_nor_command_lines() -> None:
    secret = "correct-horse-battery"
    environment = {**os.environ, "MLFLOW_TRACKING_PASSWORD": secret}
    code = "import os, time; print(os.environ['MLFLOW_TRACKING_PASSWORD'], flush=True); time.sleep(60)"
    spec = ServiceSpec("heart", "server", (sys.executable, "-c", code), ready_seconds=2.0)
    with pytest.raises(ServiceError, match="heart did not start"):
        control.start(spec, environment)
    assert "***" in service_log.tail(control.log_file("heart"), 5)
    files = [path for path in services_folder().rglob("*") if path.is_file()]
    assert len(files) == 3
    assert all(secret not in path.read_text() for path in files)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


# ── what does not start ──────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_worker_that_never_becomes_ready_is_a_failed_service_with_its_reason() -> None:
    reasons = {
        "fails": "its example is not predicted",
        "dies": "the worker ended with exit status 3: no such module: xgboost",
        "deaf": "not ready within 1 s",
    }
    for how, reason in reasons.items():
        seconds = 1.0 if how == "deaf" else 60.0
        with pytest.raises(ServiceError, match="heart did not start") as caught:
            start(worker_spec("one", how, ready_seconds=seconds))
        assert caught.value.detail.startswith(reason)
        status = control.find("heart")
        assert (status.state, status.detail, status.running) == ("failed", caught.value.detail, False)
    processes_end()
    assert start(worker_spec()).state == "serving"


def test_a_port_in_use_is_reported_with_its_holder_and_registers_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"Port {port} is in use") as caught:
            start(worker_spec(port=port))
    assert f"process {os.getpid()} (" in caught.value.detail
    assert registered() == []

    first = start(worker_spec())
    with pytest.raises(ServiceError, match="is in use") as caught:
        start(worker_spec(name="other", port=first.port))
    assert caught.value.detail.startswith("heart, process ")
    assert registered() == ["heart"]


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"host": "203.0.113.7"}, "Nothing can listen on 203.0.113.7:"),
        ({"host": "no such host"}, "Nothing can listen on no such host:"),
        ({"port": 70_000}, "70000 is not a port"),
    ],
)
def test_an_address_that_cannot_be_listened_on_registers_nothing(
    fields: dict[str, object], title: str
) -> None:
    with pytest.raises(ServiceError, match=title):
        start(worker_spec(**fields))
    assert registered() == []


def test_a_command_that_cannot_be_run_is_an_error() -> None:
    with pytest.raises(ServiceError) as caught:
        start(ServiceSpec("heart", "server", ("/no/such/program",)))
    assert "the worker cannot be started" in caught.value.detail
    assert "/no/such/program: No such file" in caught.value.detail


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a\nb", "n" * 201])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a service"):
        start(worker_spec(name=name))


def test_a_folder_that_cannot_be_written_is_an_error() -> None:
    state_dir().mkdir(parents=True)
    services_folder().write_text("a file")
    with pytest.raises(ServiceError, match="heart cannot be registered"):
        start(worker_spec())


def test_a_full_disk_at_the_start_registers_nothing() -> None:
    soft, hard = prlimit(0, RLIMIT_FSIZE)
    prlimit(0, RLIMIT_FSIZE, (0, hard))  # no file may grow, neither ours nor the supervisor's
    try:
        with pytest.raises(ServiceError, match="heart cannot be registered"):
            start(worker_spec())
    finally:
        prlimit(0, RLIMIT_FSIZE, (soft, hard))
    assert registered() == []
    wait_until(lambda: own_processes() == [])


@pytest.mark.slow
def test_a_path_longer_than_a_socket_address_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ("long" * 25)))
    status = start(worker_spec())
    assert len(str(control.folder("heart"))) > 107
    assert get(status) == "one"
    assert control.stop("heart").state == "stopped"


# ── what happens to running services ─────────────────────────────────────────


def test_connections_wait_while_a_killed_worker_is_replaced() -> None:
    status = start(worker_spec(restart_seconds=0.2))
    os.kill(status.processes[0], signal.SIGKILL)
    assert [get(status) for _ in range(3)] == ["one"] * 3
    again = control.find("heart")
    assert (again.state, again.restarts, again.pid) == ("serving", 1, status.pid)
    expected = "the worker was killed by signal 9 (SIGKILL), perhaps out of memory"
    assert any(expected in line for line in service_log.tail(status.log, 10))


@pytest.mark.slow
def test_a_worker_that_keeps_dying_fails_the_service_after_some_restarts() -> None:
    status = start(worker_spec("one", "once", restarts=3))
    os.kill(status.processes[0], signal.SIGKILL)
    wait_until(lambda: control.find("heart").state == "failed")
    failed = control.find("heart")
    assert failed.detail == (
        "the worker ended with exit status 3: no such module: xgboost; gave up after 3 restarts in a row"
    )
    processes_end()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((status.host, status.port)).close()


@pytest.mark.slow
def test_a_hanging_worker_is_replaced() -> None:
    status = start(worker_spec(hang_seconds=1.0))
    with pytest.raises(ConnectionError):
        get(status, "/hang")
    assert get(status) == "one"
    assert any("the worker did not answer for 1 s" in line for line in service_log.tail(status.log, 10))


@pytest.mark.slow
def test_a_full_disk_costs_lines_of_the_log_but_not_the_service() -> None:
    status = start(worker_spec())
    assert status.pid is not None
    prlimit(status.pid, RLIMIT_FSIZE, (0, RLIM_INFINITY))
    os.kill(status.processes[0], signal.SIGKILL)
    assert get(status) == "one"
    prlimit(status.pid, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
    os.kill(control.find("heart").processes[0], signal.SIGKILL)
    assert get(status) == "one"
    log = service_log.tail(status.log, 10)
    assert any("lines of the log were lost: File too large" in line for line in log)


def test_a_service_that_ends_on_a_full_disk_is_stopped_and_not_lost() -> None:
    status = start(worker_spec())
    assert status.pid is not None
    room = ServiceFolder.of("heart").record_file.stat().st_size - 1  # too little for another record like it
    prlimit(status.pid, RLIMIT_FSIZE, (room, RLIM_INFINITY))
    assert control.stop("heart").state == "stopped"
    assert control.find("heart").spec == status.spec


@pytest.mark.slow
def test_a_flood_of_output_keeps_neither_the_supervisor_from_answering_nor_the_log_from_its_limit() -> None:
    status = start(worker_spec())
    flood = threading.Thread(target=get, args=(status, "/flood"))
    flood.start()
    states = set()
    while flood.is_alive():
        states.add(control.find("heart").state)
    assert states == {"serving"}
    assert service_log.tail(status.log, 1)[0].startswith(f"{FLOOD_LINES - 1000} flood xxx")
    size = sum(path.stat().st_size for path in status.log.parent.glob("log*"))
    assert size < (service_log.KEPT_FILES + 1) * (service_log.MAX_FILE_BYTES + 200_000)


@pytest.mark.slow
def test_a_request_that_takes_too_long_does_not_keep_a_service_from_stopping() -> None:
    status = start(worker_spec(drain_seconds=0.3))
    errors: list[Exception] = []

    def request() -> None:
        try:
            get(status, "/hold")
        except OSError as error:
            errors.append(error)

    held = threading.Thread(target=request)
    held.start()
    wait_until(lambda: "holding" in service_log.tail(status.log, 1))
    assert control.stop("heart").state == "stopped"
    held.join()
    assert len(errors) == 1
    assert own_processes() == []


@pytest.mark.slow
def test_a_service_can_be_stopped_while_it_waits_to_restart() -> None:
    status = start(worker_spec(restart_seconds=60.0))
    os.kill(status.processes[0], signal.SIGKILL)
    wait_until(lambda: control.find("heart").state == "restarting")
    waiting = control.find("heart")
    assert waiting.detail == "the worker was killed by signal 9 (SIGKILL), perhaps out of memory"
    assert control.stop("heart").state == "stopped"
    assert own_processes() == []


@pytest.mark.slow
def test_a_program_with_a_port_of_its_own_is_ready_when_it_answers() -> None:
    command = (sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "{port}")
    status = start(ServiceSpec("server", "server", command, ready_path="/", restart_seconds=0.01))
    assert "service.json" in get(status)
    with pytest.raises(ServiceError, match="server was not swapped"):
        control.swap("server", status.spec)
    os.kill(status.processes[0], signal.SIGKILL)
    wait_until(lambda: control.find("server").restarts == 1)
    wait_until(lambda: control.find("server").state == "serving")
    assert "service.json" in get(status)
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    processes_end()


# ── lost and unresponsive ────────────────────────────────────────────────────


def test_a_service_whose_supervisor_was_killed_is_lost_and_can_be_started_again() -> None:
    status = start(worker_spec())
    get(status, "/leave")
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    wait_until(lambda: len(own_processes()) == 1)  # the worker ends by itself; what it left behind does not
    lost = control.find("heart")
    assert (lost.state, lost.running, lost.detail) == ("lost", False, "its supervisor was killed")
    assert len(lost.processes) == 1
    assert get(start(worker_spec(port=lost.port))) == "one"
    assert len(own_processes()) == 2


@pytest.mark.slow
def test_a_lost_service_can_be_stopped_or_removed() -> None:
    for end in (control.stop, control.remove):
        status = start(worker_spec())
        get(status, "/leave")
        assert status.pid is not None
        os.kill(status.pid, signal.SIGKILL)
        end("heart")
        assert own_processes() == []
        assert [status.state for status in control.all_services()] in ([], ["stopped"])
    assert registered() == []


@pytest.mark.slow
def test_a_record_from_before_a_reboot_or_of_another_machine_says_so() -> None:
    status = start(worker_spec())
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    processes_end()
    file = control.folder("heart") / "service.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "boot": "earlier", "a newer field": 1}))
    assert control.find("heart").detail == "the machine was restarted"
    file.write_text(json.dumps({**record, "machine": "elsewhere"}))
    assert control.find("heart").detail == "it was started on elsewhere"


@pytest.mark.slow
def test_an_unresponsive_supervisor_is_reported_and_can_be_stopped() -> None:
    status = start(worker_spec())
    other = start(worker_spec(name="other"))
    assert status.pid is not None
    os.kill(status.pid, signal.SIGSTOP)
    found = {service.name: service for service in control.all_services()}
    assert found["other"].pid == other.pid
    heart = found["heart"]
    assert (heart.state, heart.pid, heart.running) == ("unresponsive", status.pid, True)
    assert heart.detail == f"its supervisor, process {status.pid}, does not answer"
    with suppress(BlockingIOError):  # until the queue of the control socket is full
        while True:
            waiting = socket.socket(socket.AF_UNIX)
            waiting.setblocking(False)
            waiting.connect(str(control.folder("heart") / "control.sock"))
    busy = control.find("heart")
    assert (busy.state, busy.pid) == ("unresponsive", status.pid)
    with pytest.raises(ServiceError, match="The supervisor of heart does not answer"):
        control.back("heart")
    stopped = control.stop("heart")
    assert (stopped.state, stopped.detail) == ("stopped", "its supervisor did not answer, and was killed")
    with pytest.raises(ServiceError, match="heart is not running") as caught:
        control.stop("heart")
    assert caught.value.detail == f"It is stopped: {stopped.detail}"
    assert {process.pid for process in own_processes()} == {other.pid, *other.processes}


def test_a_damaged_record_is_reported_and_does_not_hide_other_services() -> None:
    start(worker_spec())
    folder = control.folder("damaged")
    folder.mkdir()
    (folder / "service.json").write_text("{")
    (services_folder() / "stray file").touch()
    (services_folder() / "empty folder").mkdir()
    assert [status.name for status in control.all_services()] == ["heart"]
    with pytest.raises(ServiceError, match="The record of damaged cannot be read"):
        control.find("damaged")
    control.remove("damaged")
    with pytest.raises(NotFound):
        control.find("damaged")

    (control.folder("heart") / "service.json").write_text("{")
    assert control.stop("heart").state == "stopped"


# ── two consoles ─────────────────────────────────────────────────────────────


def in_two_consoles(action: str) -> list[str]:
    """What an action returns, or the title of its error, in two processes at the same time."""
    code = (
        "import os; from engine.errors import EngineError; from engine.services import control\n"
        "from tests.support.socket_worker import FLOOD_LINES, worker_spec\n"
        "print(flush=True); input()\n"
        f"try: print({action})\n"
        "except EngineError as error: print(error.title)"
    )
    consoles = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for console in consoles:
        assert console.stdout is not None
        console.stdout.readline()
    for console in consoles:
        assert console.stdin is not None
        console.stdin.write("\n")
        console.stdin.flush()
    return sorted(console.communicate()[0].strip() for console in consoles)


@pytest.mark.slow
def test_of_two_consoles_that_start_a_service_of_one_name_one_wins() -> None:
    won, lost = sorted(
        in_two_consoles("control.start(worker_spec(), os.environ).state"), key=lambda text: text != "serving"
    )
    assert won == "serving"
    assert lost in ("heart runs already", "heart is being started or removed")
    with pytest.raises(ServiceError, match="heart runs already"):
        start(worker_spec())
    assert len(own_processes()) == 2


@pytest.mark.slow
def test_two_consoles_can_stop_a_service_at_the_same_time() -> None:
    status = start(worker_spec(drain_seconds=5.0))
    request = threading.Thread(target=get, args=(status, "/slow"))
    request.start()
    wait_until(lambda: "heart" in registered())
    assert set(in_two_consoles("control.stop('heart').state")) <= {"stopped", "heart is not running"}
    request.join()
    assert own_processes() == []


def test_a_start_can_be_cancelled_and_leaves_nothing() -> None:
    cancel = CancelToken()
    threading.Timer(0.5, cancel.cancel).start()
    with pytest.raises(Cancelled, match="Starting heart was cancelled"):
        control.start(worker_spec("one", "waits"), os.environ, cancel=cancel)
    assert registered() == []
    assert own_processes() == []


@pytest.mark.slow
def test_what_a_killed_console_prepared_is_removed_by_the_next() -> None:
    code = (
        "from engine.services import control\n"
        "with control.claimed('heart') as claim:\n"
        "    (claim.folder / 'model').mkdir()\n"
        "    print(flush=True); input()"
    )
    command = [sys.executable, "-c", code]
    console = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert console.stdout is not None
    console.stdout.readline()
    with control.claimed("other"):
        assert registered() == ["heart", "other"]
    console.kill()
    console.wait()
    with control.claimed("other"):
        assert registered() == ["other"]


@pytest.mark.slow
def test_files_for_a_service_that_is_not_started_after_all_are_removed() -> None:
    with control.claimed("heart") as claim:
        (claim.folder / "model").mkdir()
        (claim.folder / "model" / "MLmodel").touch()
        with pytest.raises(ServiceError, match="heart is being started or removed"):
            start(worker_spec())
        assert control.all_services() == []
    assert registered() == []
