#!/bin/sh
# Installs the named groups of docker/packages.txt (default: build test check). Quick and silent when nothing is missing.
#
# yyjson is not in Debian 12. It comes from trixie, pinned so that nothing else ever does: every other package of that
# suite has priority -1. The mirror is the one that the machine already uses.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
groups=${*:-build test check}

wanted=$(awk -v groups=" $groups " '
    /^#/ || !NF { next }
    /^\[/ { name = substr($0, 2, length($0) - 2); on = index(groups, " " name " ") > 0; next }
    on { print $1 }' "$here/packages.txt" | sort -u)

missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null; then exec sudo sh "$0" $groups; fi
    echo "missing packages:$missing; run as root or install them" >&2
    exit 1
fi

case $missing in *yyjson*)
    sources=/etc/apt/sources.list.d/debian.sources
    if [ -f "$sources" ]; then
        uris=$(awk '/^URIs:/ { print $2; exit }' "$sources")
        signed=$(awk '/^Signed-By:/ { print $2; exit }' "$sources")
    else
        uris=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^(https?|file|mirror)/) { print $i; exit } }' /etc/apt/sources.list)
        signed=/usr/share/keyrings/debian-archive-keyring.gpg
    fi
    [ -n "$uris" ] || { echo "no Debian mirror found in the apt sources" >&2; exit 1; }
    printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: %s\n' "$uris" "$signed" \
        > /etc/apt/sources.list.d/ocpi-hub-yyjson.sources
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: -1\n\nPackage: libyyjson0 libyyjson-dev\nPin: release n=trixie\nPin-Priority: 500\n' \
        > /etc/apt/preferences.d/ocpi-hub-yyjson
    ;;
esac

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
