#!/bin/sh
# Check that the libraries which a napari window needs are there; install what is missing.
set -eu

packages="xvfb xauth libgl1 libegl1 libfontconfig1 libdbus-1-3 libglib2.0-0 libxkbcommon-x11-0
libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"

if ! command -v dpkg-query >/dev/null 2>&1; then
    if [ "$(uname -s)" = Linux ]; then
        echo "Not a Debian system: a window needs what these packages hold there:" $packages >&2
    fi
    exit 0
fi

# Some libraries were renamed for 64-bit times (libglib2.0-0t64); either name will do.
is_installed() {
    dpkg-query -W -f='${Status}\n' "$1" "$1t64" 2>/dev/null | grep -q ' installed$'
}

missing=""
for package in $packages; do
    is_installed "$package" || missing="$missing $package"
done
[ -z "$missing" ] || exec sh "$(dirname "$0")/apt_install.sh" $missing
