"""The Kubernetes manifests against Kubernetes' own schemas, which kubernetes-validate carries: no cluster needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.container.compose import ROOT

VALIDATOR = "kubernetes-validate==1.37.0"
KUBERNETES = "1.33"
FILES = sorted(path for path in (ROOT / "deploy/kubernetes/base").glob("*.yaml") if path.stem != "kustomization")


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In an environment of its own: 22 MB of schemas that nothing else needs."""
    folder = tmp_path_factory.mktemp("validator")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", VALIDATOR], check=True, timeout=240)
    return folder / "bin/kubernetes-validate"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_manifest_is_valid_and_has_no_unknown_field(validator: Path, path: Path) -> None:
    argv = [str(validator), "-k", KUBERNETES, "--strict", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
