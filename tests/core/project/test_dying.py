"""What is on the disk after a death: `kill -9`, a power loss, a full disk."""

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest
from refusals import refused

from core.project import PlanStep, Project, ProjectWriteError, Snapshot
from core.values import LayerPlan, Plan

WRITER = textwrap.dedent(
    """
    import sys
    from core.project import PlanStep, Project
    from core.values import LayerPlan, Plan
    project, who = Project(sys.argv[1]), sys.argv[2]
    for number in range(100000):
        if who == "engine":
            project.put(str(number), b"x" * 300)
        else:
            plan = Plan(defaults=LayerPlan(sparsity=number / 100000))
            project.history.save(number, [PlanStep(plan=plan)], number)
        print(number, flush=True)
    """
)


def start(path, who):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), who], stdout=subprocess.PIPE, text=True)


def killed(process, lines):
    """The last thing that the process acknowledged before it was killed."""
    for _ in range(lines):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    last = max([last, *(int(line) for line in process.stdout.read().split())])
    process.stdout.close()
    process.wait()
    return last


def test_what_either_process_acknowledged_survives_kill_9_while_both_write(tmp_path):
    path = tmp_path / "p.secateur"
    Project(path).close()
    engine, window = start(path, "engine"), start(path, "window")
    measured, planned = killed(engine, 200), killed(window, 20)
    project = Project(path, create=False, thorough=True)
    assert all(project.get(str(number)) == b"x" * 300 for number in range(measured + 1))
    steps, index, _ = project.history.load()
    assert index >= min(planned, 999)
    kept = {step.plan.defaults.sparsity for step in steps}
    assert {number / 100000 for number in range(max(0, planned - 990), planned + 1)} <= kept
    project.close()


# ---------------------------------------------------------------- power loss


def left_after_power_loss(project, folder, generator):
    """File and log as a power loss may leave them: of the log's end, which nobody forced to the disk, a
    part is there, a sector of it perhaps garbage."""
    folder.mkdir()
    lost = folder / "p.secateur"
    shutil.copy(project.path, lost)
    log = project.path.with_name(project.path.name + "-wal").read_bytes()
    length = generator.randrange(len(log) + 1)
    torn = bytearray(log[:length])
    if length > 4096 and generator.random() < 0.5:
        place = generator.randrange(length - 512)
        torn[place : place + 512] = generator.randbytes(512)
    lost.with_name(lost.name + "-wal").write_bytes(torn)
    return lost


def test_power_loss_leaves_an_earlier_state_never_a_torn_one(tmp_path):
    generator = random.Random(0)
    project = Project(tmp_path / "p.secateur")
    # each edit changes two tables that must agree: the steps and which of them is in force
    for number in range(300):
        plan = Plan(defaults=LayerPlan(sparsity=number / 1000))
        project.history.save(number, [PlanStep(plan=plan, label=str(number))], number)
    states = set()
    for turn in range(60):
        lost = Project(left_after_power_loss(project, tmp_path / str(turn), generator), thorough=True)
        steps, index, _ = lost.history.load()
        assert index == len(steps) - 1
        assert [step.label for step in steps] == [str(number) for number in range(len(steps))]
        states.add(len(steps))
        lost.close()
    project.close()
    assert len(states) > 10  # the losses did differ


def test_what_a_person_keeps_on_purpose_is_forced_to_the_disk(tmp_path):
    """Seen from outside: the system is asked to write the log through before the process is answered."""
    if shutil.which("strace") is None:
        pytest.skip("no strace here")
    script = textwrap.dedent(
        """
        import os, sys
        from core.project import Project, Snapshot
        from core.values import Plan
        project = Project(sys.argv[1])
        for number in range(5):
            project.put(str(number), b"1")
        if sys.argv[2] == "snapshot":
            project.snapshots.add(Snapshot(label="s", plan=Plan()))
        os._exit(0)
        """
    )
    forced = {}
    for kept in ("measurements", "snapshot"):
        trace = tmp_path / f"{kept}.trace"
        watch = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
        path = tmp_path / f"{kept}.secateur"
        subprocess.run([*watch, sys.executable, "-c", script, str(path), kept], check=True)
        forced[kept] = trace.read_text().count(f"{path}-wal>")
    # the log's first page is forced once, when the log begins
    assert forced == {"measurements": 1, "snapshot": 2}


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte, where one may be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no file system may be made here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_pauses_and_loses_nothing(small_disk, tmp_path):
    project = Project(small_disk / "p.secateur")
    project.snapshots.add(Snapshot(label="before", plan=Plan()))
    kept = 0
    with refused(ProjectWriteError, "disk is full.*Free some space.*save the project elsewhere"):
        for number in range(1000):
            project.put(str(number), b"x" * 10_000)
            kept = number
    assert kept > 5
    # what was kept is there, also for who opens it now; nothing of what was not
    for _ in range(2):
        assert all(project.get(str(number)) == b"x" * 10_000 for number in range(kept + 1))
        assert project.get(str(kept + 1)) is None
        project.close()
        project = Project(small_disk / "p.secateur", create=False)
    # elsewhere
    elsewhere = Project(project.save_as(tmp_path / "elsewhere.secateur"), create=False)
    elsewhere.put(str(kept + 1), b"x" * 10_000)
    assert elsewhere.get(str(kept)) == b"x" * 10_000
    elsewhere.close()
    project.close()


def test_a_full_disk_that_gets_room_again_goes_on(small_disk):
    project = Project(small_disk / "p.secateur")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 900_000)
    with refused(ProjectWriteError, "disk is full"):
        for number in range(1000):
            project.put(str(number), b"x" * 10_000)
    filler.unlink()
    project.put("again", b"1")
    assert project.get("again") == b"1"
    project.close()


def test_a_disk_that_is_full_for_the_copy_leaves_none(small_disk, tmp_path):
    project = Project(tmp_path / "p.secateur")
    for number in range(100):
        project.put(str(number), b"x" * 20_000)
    with refused(ProjectWriteError, "disk is full"):
        project.save_as(small_disk / "copy.secateur")
    assert list(small_disk.iterdir()) == []
    project.close()
