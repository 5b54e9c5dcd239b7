"""What users read can be translated: it stands in the sources as Slicer's tool can take it out."""

from xml.etree import ElementTree

import pytest
import translations

CASES = {
    "label.text = 'Seed here'": ["Seed here"],
    "label.text = f'{count} slices'": ["{} slices"],
    "button.setToolTip('Stop it.')": ["Stop it."],
    "raise InputError('The folder is full.')": ["The folder is full."],
    "def why():\n    return 'Select the baseline scan.'": ["Select the baseline scan."],
    "box.addItem(_(title))": ["_(title)"],
    "label.text = _(f'{count} slices')": ["_(f'{count} slices')"],
    "label.text = _('Seed here')": [],
    "label.text = _('{count} slices').format(count=3)": [],
    "label.text = f'{a}: <b>{b}</b>'": [],
    "node.SetAttribute('LongitudinalRegistration.Result', '1')": [],
    "def f():\n    'Words about a function.'": [],
    "names = [name for name in names if name != 'Seed here']": [],
}


@pytest.mark.parametrize("path", translations.sources(), ids=lambda path: path.stem)
def test_all_that_users_read_can_be_translated(path):
    assert translations.problems(path) == []


@pytest.mark.parametrize("source", CASES)
def test_what_is_not_marked_is_found_and_nothing_else(source, tmp_path, monkeypatch):
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    path = tmp_path / "section.py"
    path.write_text(source, encoding="utf-8")
    assert [problem.split(": ", 2)[2] for problem in translations.problems(path)] == [repr(t) for t in CASES[source]]


@pytest.mark.parametrize("module", translations.MODULES)
def test_a_translation_file_has_each_text_once_in_slicer_s_context(module, tmp_path):
    path = tmp_path / "module.ts"
    translations.ts(module).write(path, encoding="utf-8")
    contexts = {
        context.findtext("name"): [message.findtext("source") for message in context.findall("message")]
        for context in ElementTree.parse(path).findall("context")
    }
    assert all(len(texts) == len(set(texts)) for texts in contexts.values())
    assert any(name == module for name in contexts) and any("." in name for name in contexts)
    buttons = [text for texts in contexts.values() for text in texts]
    assert {"TableRemoval": "Apply", "LongitudinalRegistration": "Bring"}[module] in buttons


def test_contexts_are_those_that_slicer_asks_for():
    """slicer.i18n.getContext: the file's stem, behind its folder's name where that is a package."""
    panel = next(path for path in translations.sources() if path.name == "bring_section.py")
    assert translations._context(panel) == "LongitudinalRegistrationWidgets.bring_section"
    assert translations._context(translations.ROOT / "TableRemoval" / "TableRemoval.py") == "TableRemoval"
