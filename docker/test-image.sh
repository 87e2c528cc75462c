#!/bin/sh
# Starts the built image as an operator would (read-only, no capabilities, not root) and asks it; needs podman and runc. IMAGE as in build-image.sh.
set -eu
image=${IMAGE:-localhost/ocpi-hub:latest}
port=${PORT:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
name=ocpi-hub-test-$$
settings=$(mktemp)
# Inside a sandbox podman needs runc and no cgroup manager of systemd's.
cat >"$settings" <<TOML
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
TOML
export CONTAINERS_CONF="$settings"
export LC_ALL=C
finish() {
    podman rm -f -t 5 "$name" >/dev/null 2>&1 || true
    podman volume rm "$name" >/dev/null 2>&1 || true
    rm -f "$settings"
}
trap finish EXIT
podman run -d --name "$name" --network host --read-only --tmpfs /tmp --cap-drop=ALL -v "$name:/data" \
    -e OCPI_HUB_PUBLIC_URL=https://hub.example.com -e OCPI_HUB_LISTEN="127.0.0.1:$port" -e OCPI_HUB_ADMIN_KEY=image-test-key \
    "$image" serve >/dev/null
for _ in $(seq 100); do
    curl -fsS -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null && break
    sleep 0.1
done
curl -fsS "http://127.0.0.1:$port/readyz"; echo
curl -fsS -H 'X-API-KEY: image-test-key' -H 'Content-Type: application/json' -d '{"countryCode":"NL","partyId":"IMG","roles":["CPO"],"businessDetails":{"name":"Image"}}' \
    "http://127.0.0.1:$port/v1/parties"; echo
podman healthcheck run "$name" || { echo "the health check fails" >&2; exit 1; }
[ "$(podman exec "$name" id -u)" = 10001 ] || { echo "it runs as root" >&2; exit 1; }
podman stop -t 20 "$name" >/dev/null
[ "$(podman inspect -f '{{.State.ExitCode}}' "$name")" = 0 ] || { echo "SIGTERM did not end it with 0" >&2; podman logs "$name" | tail >&2; exit 1; }
podman start "$name" >/dev/null
for _ in $(seq 100); do
    curl -fsS -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null && break
    sleep 0.1
done
curl -fsS -H 'X-API-KEY: image-test-key' "http://127.0.0.1:$port/v1/parties" | grep -q '"IMG"' || { echo "data did not outlive the restart" >&2; exit 1; }
echo "the image runs, stops and keeps its data"
