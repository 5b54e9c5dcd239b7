"""Small wheels for tests of installations, and a folder that passes for an installed package."""

import base64
import hashlib
import zipfile


def make_wheel(folder, name, version="1.0", requires=(), text=""):
    """Write a wheel with one module, and return its path."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in _members(name, version, requires, text).items():
            wheel.writestr(member, content)
    return path


def lay_out(folder, name, version):
    """Put a package into a folder as pip does; with the folder on its path, Python takes it for installed."""
    for member, content in _members(name, version, (), "").items():
        (folder / member).parent.mkdir(parents=True, exist_ok=True)
        (folder / member).write_text(content)


def _members(name, version, requires, text):
    info = f"{name}-{version}.dist-info"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    members = {
        f"{name}/__init__.py": f'__version__ = "{version}"\n{text}',
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{member},sha256={_digest(content)},{len(content)}" for member, content in members.items()]
    return {**members, f"{info}/RECORD": "\n".join([*record, f"{info}/RECORD,,"]) + "\n"}


def _digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
