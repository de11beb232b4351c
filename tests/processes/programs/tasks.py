"""A Celery application. As a program: starts a worker, sends it tasks, and stops it while it is at the last of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from asking import ask, tell
from celery import Celery

HERE = Path(__file__).parent

app = Celery("tasks", broker="filesystem://", backend=f"file://{HERE / 'results'}")
app.conf.broker_transport_options = {
    "data_folder_in": str(HERE / "queue"),
    "data_folder_out": str(HERE / "queue"),
    "control_folder": str(HERE / "control"),
    "polling_interval": 0.05,
}
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_max_tasks_per_child = 2


@app.task(name="question")
def question(label: str) -> str:
    return ask(label)


@app.task(name="late")
def late() -> str:
    (HERE / "begun").touch()
    time.sleep(0.5)
    return ask("late")


if __name__ == "__main__":
    for folder in ("queue", "control", "results"):
        (HERE / folder).mkdir()
    line = [sys.executable, "-m", "celery", "-q", "-A", "tasks", "worker", "--pool", "prefork", "-c", "2", "-l", "ERROR"]
    worker = subprocess.Popen([*line, "--without-gossip", "--without-mingle", "--without-heartbeat"])
    tell("sender")
    for answer in [app.send_task("question", [f"task {number}"]) for number in range(6)]:
        print(answer.get(timeout=600, interval=0.05), flush=True)
    last = app.send_task("late")
    while not (HERE / "begun").exists():
        time.sleep(0.05)
    worker.send_signal(signal.SIGTERM)
    print("the worker ended with", worker.wait(), flush=True)
    print(last.get(timeout=600), flush=True)
