"""What is done to slices for Table Removal's pictures, the same in Slicer (pictures.py) and in the stand-in
(Testing/Host/screenshots_table_removal.py)."""

AIR_IJ, AIR_SLICES = (20, 20), range(3, 6)
WIDE_THRESHOLD, WIDE_SLICES = 0.4, range(6, 9)
OWN_THRESHOLD, NEIGHBOURS = 0.12, 2


def makeSlicesWrong(session):
    """Put the seed of three slices into air, and give three beyond the middle a threshold that takes in the table."""
    middle = session.size[2] // 2
    session.setSeed(AIR_IJ, AIR_SLICES)
    session.setThreshold(WIDE_THRESHOLD, [middle + k for k in WIDE_SLICES])


def giveOwnSeed(session, ui, logic):
    """Give the middle slice, which is shown then, a seed and a threshold of its own, and its neighbours the same."""
    columns, rows, slices = session.size
    session.clearOverrides()
    ui.scopeComboBox.setCurrentIndex(1)
    logic.showSlice(slices // 2)
    session.setSeed((columns // 2 + columns // 12, rows // 2), [slices // 2])
    session.setThreshold(OWN_THRESHOLD, [slices // 2])
    session.copyToNeighbours(NEIGHBOURS)


def takeAllBack(session, ui):
    """Clear all that was done to single slices, and make changes apply to the whole scan again."""
    session.clearOverrides()
    ui.scopeComboBox.setCurrentIndex(0)
