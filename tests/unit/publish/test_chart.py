import gzip
import io
import json
import tarfile
from typing import Any

import pytest
import yaml

from lifecycle.publish.chart import CHART, Chart, package_chart
from tests.support.checkout import ROOT


@pytest.fixture(scope="module")
def chart() -> Chart:
    return package_chart(ROOT, "team/nvidia-installer", "1.2.3")


def files(chart: Chart) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(chart.artefact.blobs[1]))) as tar:
        return {m.name: file.read() for m in tar if (file := tar.extractfile(m))}


def manifest(chart: Chart) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(chart.artefact.manifest.content)
    return found


def test_a_chart_is_beside_the_images(chart: Chart) -> None:
    assert (chart.repository, chart.version) == ("team/charts/nvidia-installer", "1.2.3")
    assert package_chart(ROOT, "images", "1.2.3").repository == "charts/nvidia-installer"


def test_a_package_has_all_files_of_the_chart_and_the_version_of_the_release(chart: Chart) -> None:
    found = files(chart)
    expected = {f"nvidia-installer/{p.relative_to(ROOT / CHART)}" for p in (ROOT / CHART).rglob("*") if p.is_file()}

    assert found.keys() == expected
    about = yaml.safe_load(found["nvidia-installer/Chart.yaml"])
    assert (about["version"], about["appVersion"], about["name"]) == ("1.2.3", "1.2.3", "nvidia-installer")
    assert found["nvidia-installer/values.yaml"] == (ROOT / CHART / "values.yaml").read_bytes()


def test_the_artefact_is_in_helms_form(chart: Chart) -> None:
    found = manifest(chart)

    assert found["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert [layer["mediaType"] for layer in found["layers"]] == ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"]
    assert json.loads(chart.artefact.blobs[0])["version"] == "1.2.3"


def test_the_same_chart_is_the_same_bytes_everywhere(chart: Chart) -> None:
    assert package_chart(ROOT, "team/nvidia-installer", "1.2.3").digest == chart.digest
    assert package_chart(ROOT, "team/nvidia-installer", "1.2.4").digest != chart.digest
