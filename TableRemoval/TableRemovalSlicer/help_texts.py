"""What both modules say under Help and Acknowledgement, in the markup of Slicer's help browser."""

from slicer.i18n import tr as _

PAPER_URL = "https://arxiv.org/abs/2005.07545"
PAPER = (
    "M. van Eijnatten, L. Rundo, K. J. Batenburg, F. Lucka, E. Beddowes, C. Caldas, F. A. Gallagher, E. Sala, "
    "C.-B. Schönlieb, R. Woitek: 3D deformable registration of longitudinal abdominopelvic CT images using "
    "unsupervised deep learning. Computer Methods and Programs in Biomedicine 208 (2021) 106261"
)
SLICER_URL = "https://slicer.readthedocs.io/en/latest/user_guide/modules/{module}.html"


def helpLinks():
    """Return links to the paper and to the Slicer modules that one meets beside ours, as a paragraph."""
    links = (
        (_("the paper"), PAPER_URL),
        (_("Sample Data"), SLICER_URL.format(module="sampledata")),
        (_("Transforms"), SLICER_URL.format(module="transforms")),
        (_("Segment Editor"), SLICER_URL.format(module="segmenteditor")),
    )
    return _("<p>More: {links}.</p>").format(links=", ".join(f'<a href="{url}">{name}</a>' for name, url in links))


def acknowledgement(what):
    """Return whose work something follows: `what` are words for the part of the module that does."""
    return _('Of the paper: {what}. <a href="{url}">{paper}</a>.').format(what=what, url=PAPER_URL, paper=PAPER)
