#!/bin/sh
# Usage: make_venv.sh PYTHON FOLDER
# Make a virtual environment with PYTHON or, if that is older than 3.11, with a newer one found.
set -eu
wanted=$1
folder=$2

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if is_recent "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

python=""
for candidate in "$wanted" python3.13 python3.12 python3.11 python3.14; do
    if is_recent "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=$("$wanted" --version 2>/dev/null || echo "not there")
    echo "Python 3.11 or newer is needed; '$wanted' is $found." >&2
    echo "Install one and name it: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi

# Debian keeps what a virtual environment needs in a package of its own.
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if command -v dpkg-query >/dev/null 2>&1; then
        sh "$(dirname "$0")/apt_install.sh" "python$version-venv"
    else
        echo "'$python' lacks the modules venv and ensurepip; install them." >&2
        exit 1
    fi
fi
echo "Making $folder with $("$python" --version)"
"$python" -m venv --clear "$folder"
