"""The sample of the Sample Data module: offered at the start of the application, made when asked for."""

import sys
import types

import pytest

pytest.importorskip("trame_slicer")


@pytest.fixture
def sampleData(monkeypatch):
    """A stand-in for Slicer's module SampleData; `sources` are what was registered."""
    module = types.ModuleType("SampleData")
    module.sources = []
    module.SampleDataLogic = types.SimpleNamespace(
        registerCustomSampleDataSource=lambda **words: module.sources.append(types.SimpleNamespace(**words))
    )
    monkeypatch.setitem(sys.modules, "SampleData", module)
    return module


def test_the_sample_is_registered_and_its_button_makes_two_scans_with_labels(host, scene, sampleData, monkeypatch):
    import slicer
    from LongitudinalRegistrationSlicer.module import sample_data

    for _time in range(2):  # at the application's start, and with the panel: Slicer takes no second one that is equal
        sample_data.registerSampleData("picture.png")
    source = sampleData.sources[0]
    assert len(sampleData.sources) == 2 and vars(sampleData.sources[1]) == vars(source)
    assert isinstance(source.uris, str) and source.thumbnailFileName == "picture.png"
    monkeypatch.setattr(sample_data, "SIZE_PX", 48)
    monkeypatch.setattr(sample_data, "SLICES", 16)
    nodes = source.customDownloader(source)
    assert nodes.keys() == sample_data.VOLUMES.keys()
    assert nodes["baseline"].GetImageData().GetDimensions() == (48, 48, 16)
    assert slicer.util.arrayFromVolume(nodes["followup_vertebrae"]).max() > 0
    from LongitudinalRegistrationSlicer.process.guess import followUpsOf

    assert nodes["followup"] in followUpsOf(nodes["baseline"])


def test_without_packages_it_says_what_to_install_and_adds_nothing(host, scene, monkeypatch):
    import slicer
    from LongitudinalRegistrationSlicer.module import sample_data

    package = types.SimpleNamespace(shownName="numba")
    monkeypatch.setattr(sample_data, "Packages", lambda packages: types.SimpleNamespace(missing=[package]))
    with pytest.raises(RuntimeError, match="numba.*Longitudinal Registration"):
        sample_data.makeSample()
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode") is None


def test_an_application_without_sample_data_starts(host, monkeypatch):
    from LongitudinalRegistrationSlicer.module.sample_data import registerSampleData

    monkeypatch.setitem(sys.modules, "SampleData", None)
    registerSampleData("picture.png")
