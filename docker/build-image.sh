#!/bin/sh
# Builds the container image with buildah: no engine and no registry needed. The base image is made by debootstrap from the machine's
# own Debian mirror when it is not there yet. Environment: IMAGE (default ocpi-hub:latest), MIRROR (default: the machine's).
set -eu
cd "$(dirname "$0")/.."
image=${IMAGE:-ocpi-hub:latest}
base=docker.io/library/debian:bookworm-slim

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    mirror=${MIRROR:-$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # shellcheck disable=SC2086
    debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" $mirror >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
    if [ -f /etc/apt/sources.list.d/debian.sources ]; then
        rm -f "$work/root/etc/apt/sources.list"
        mkdir -p "$work/root/etc/apt/sources.list.d"
        cp /etc/apt/sources.list.d/debian.sources "$work/root/etc/apt/sources.list.d/"
    fi
    rm -rf "$work/root/var/cache/apt/archives"/*.deb "$work/root/var/lib/apt/lists"/* "$work/root/usr/share/doc" "$work/root/usr/share/man"
    container=$(buildah from scratch)
    buildah add -q "$container" "$work/root" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd /bin/sh "$container"
    buildah commit -q --format docker "$container" "$base" >/dev/null
    buildah rm "$container" >/dev/null
    rm -rf "$work"
    trap - EXIT
fi

buildah bud --isolation chroot --pull=never --network host --format docker --layers -t "$image" -f docker/Dockerfile .
buildah images "$image"
