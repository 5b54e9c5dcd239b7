"""Where things lie, for every test."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "Testing" / "Python"
HOST = ROOT / "Testing" / "Host"
DATA = ROOT.parent / "shared" / "data"
RESOURCES = ROOT / "LongitudinalRegistration" / "Resources"
