#!/bin/sh
# Usage: under_xvfb.sh COMMAND...
# Run a command on a virtual display, so that its windows do not pop up on the user's.
set -eu
if ! command -v xvfb-run >/dev/null 2>&1; then
    exec "$@"
fi
# Qt would prefer a Wayland session that is there over the virtual display.
unset WAYLAND_DISPLAY
QT_QPA_PLATFORM=xcb
export QT_QPA_PLATFORM
exec xvfb-run -a -s "-screen 0 1600x1000x24" "$@"
