"""Makes `version_1` importable, and projects that close themselves."""

import pytest

from core.project import Project


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "p.secateur")
    yield made
    made.close()


@pytest.fixture
def reopened(project):
    """The same file as another process sees it."""
    opened = []

    def reopen():
        opened.append(Project(project.path, create=False))
        return opened[-1]

    yield reopen
    for one in opened:
        one.close()
