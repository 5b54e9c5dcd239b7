#!/bin/sh
# Sets up what `make demo` and `make test` need: system libraries, a virtual environment, NiftyReg.
# usage: install.sh VENV    (environment: PYTHON, the interpreter to use)
set -eu

venv=$1
python=${PYTHON:-python3}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Debian packages, and for each a file by which it is recognised.
libraries="libgl1:libGL.so.1 libegl1:libEGL.so.1 libopengl0:libOpenGL.so.0 libglx-mesa0:libGLX_mesa.so.0
libegl-mesa0:libEGL_mesa.so.0 libx11-6:libX11.so.6 libxt6:libXt.so.6 libxrender1:libXrender.so.1
libxext6:libXext.so.6 libxkbcommon0:libxkbcommon.so.0 libfontconfig1:libfontconfig.so.1
libdbus-1-3:libdbus-1.so.3 libglib2.0-0:libglib-2.0.so.0 libgomp1:libgomp.so.1 libxcb-cursor0:libxcb-cursor.so.0
libxcb-icccm4:libxcb-icccm.so.4 libxcb-image0:libxcb-image.so.0 libxcb-keysyms1:libxcb-keysyms.so.1
libxcb-randr0:libxcb-randr.so.0 libxcb-render-util0:libxcb-render-util.so.0 libxcb-shape0:libxcb-shape.so.0
libxcb-xkb1:libxcb-xkb.so.1 libxkbcommon-x11-0:libxkbcommon-x11.so.0"

say() { printf '%s\n' "$*" >&2; }

has_library() { ldconfig -p 2>/dev/null | grep -q "$1" || find /usr/lib /lib -name "$1*" 2>/dev/null | grep -q .; }

missing_packages() {
    for entry in $libraries; do
        has_library "${entry#*:}" || printf '%s ' "${entry%%:*}"
    done
    if ! command -v "$python" >/dev/null 2>&1; then
        printf 'python3 python3-venv '
    elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        printf 'python3-venv '
    fi
}

quietly() {
    "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

PATH=$PATH:/usr/sbin:/sbin
packages=$(missing_packages)
if [ -n "$packages" ]; then
    as_root=
    [ "$(id -u)" = 0 ] || as_root='sudo -n'
    if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
        say "Installing system packages: $packages"
        quietly $as_root apt-get update -q
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive quietly $as_root apt-get install -q -y --no-install-recommends $packages
    else
        say "These system packages are missing: $packages"
        say "Install them and try again:  sudo apt-get install -y $packages"
        exit 1
    fi
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    say "Python 3.10 or newer is needed; $python is $("$python" -V 2>&1). Try: make PYTHON=python3.12 ..."
    exit 1
fi

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "Creating $venv"
    quietly "$python" -m venv --clear "$venv"
fi
say "Installing Python packages into $venv (a few minutes the first time)"
quietly "$venv/bin/python" -m pip install --disable-pip-version-check -e '.[network,training,cohort,host,test]'
if "$venv/bin/longct" info --json | grep -q '"niftyreg": "missing'; then
    say "Fetching NiftyReg 1.5.58"
    quietly "$venv/bin/longct" install niftyreg
fi
say "Compiling for this computer (half a minute the first time)"
quietly "$venv/bin/python" Testing/Host/compile_kernels.py
