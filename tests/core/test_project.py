import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from core.project import ProjectError, Store


def test_what_was_put_is_there_after_reopening(tmp_path):
    path = tmp_path / "项目 é.secateur"
    store = Store(path)
    assert store.get("a") is None
    store.put("a", b"1")
    store.put("a", b"2")
    store.close()
    again = Store(path)
    assert again.get("a") == b"2"
    again.close()


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    path = tmp_path / "p.secateur"
    script = textwrap.dedent(
        """
        import sys
        from core.project import Store
        store = Store(sys.argv[1])
        for number in range(100000):
            store.put(str(number), b"x")
            print(number, flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    for _ in range(50):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    last = max([last, *(int(line) for line in process.stdout.read().split())])
    process.stdout.close()
    process.wait()
    store = Store(path)
    assert all(store.get(str(number)) == b"x" for number in range(last + 1))
    store.close()


def test_a_file_that_is_no_project_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "p.secateur"
    path.write_bytes(b"something else entirely, certainly no database" * 50)
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="cannot be read"):
        Store(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path):
    path = tmp_path / "p.secateur"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(ProjectError):
        Store(path)


def test_a_project_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "p.secateur"
    Store(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(ProjectError, match="newer"):
        Store(path)
