"""The layer picture, read against every #include line: nothing points up or sideways, and each library ends in its room."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A room, its folders, the rooms below it that it may include.
ROOMS = {
    "base": (["src/base"], []),
    "ocpi": (["ocpi", "include/ocpi"], ["base"]),
    "crypto": (["src/crypto"], ["base"]),
    "store": (["src/store"], ["base"]),
    "core": (["src/core"], ["base", "ocpi", "crypto", "store"]),
    "http": (["src/http"], ["base", "core"]),
    "peer": (["src/peer"], ["base", "core"]),
    "app": (["src/app"], ["base", "ocpi", "crypto", "store", "core", "http", "peer"]),
}
# Public headers (include/hub) and the room that each belongs to.
HEADER_ROOM = {
    "base.h": "base", "err.def": "base", "crypto.h": "crypto", "store.h": "store", "table.def": "store",
    "core.h": "core", "port.h": "core", "url.h": "core", "http.h": "http", "peer.h": "peer", "app.h": "app",
}
# A library ends in its room: only these rooms may include its headers.
LIBRARY_ROOMS = {
    r"yyjson": {"ocpi", "core", "app"},
    r"lmdb": {"store"},
    r"mbedtls/": {"crypto"},
    r"h2o": {"http"},
    r"openssl/": {"http"},
    r"curl/": {"peer"},
    r"uv\.h": {"http", "peer", "app"},
    r"cyaml": {"app"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def files_of(room):
    for folder in ROOMS[room][0]:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            yield path
        yield from sorted((ROOT / folder).rglob("*.def"))


def public_headers():
    for path in sorted((ROOT / "include/hub").iterdir()):
        yield path, HEADER_ROOM[path.name]


def room_of_include(name, own_room, path):
    if name.startswith("hub/"):
        return HEADER_ROOM[name[4:]]
    if name.startswith("ocpi/"):
        return "ocpi"
    # A quoted name without a folder must lie beside the file, in its own room.
    assert (path.parent / name).exists() or any((ROOT / f / name).exists() for f in ROOMS[own_room][0]), f"{path}: {name} is not in its room"
    return own_room


def check(path, room):
    problems = []
    text = path.read_text()
    for kind, name in INCLUDE.findall(text):
        for library, rooms in LIBRARY_ROOMS.items():
            if re.match(library, name) and room not in rooms:
                problems.append(f"{path.relative_to(ROOT)}: {name} ends in {sorted(rooms)}")
        if kind == '"':
            target = room_of_include(name, room, path)
            if target != room and target not in ROOMS[room][1]:
                problems.append(f"{path.relative_to(ROOT)}: room {room} may not include {name} of room {target}")
    return problems


def test_includes_follow_the_layer_picture():
    seen, problems = 0, []
    for room in ROOMS:
        for path in files_of(room):
            seen += 1
            problems += check(path, room)
    for path, room in public_headers():
        seen += 1
        problems += check(path, room)
    assert seen > 30, "the test must find the sources"
    assert not problems, "\n".join(problems)


def test_the_rule_would_notice(tmp_path):
    bad = tmp_path / "bad.c"
    bad.write_text('#include "hub/http.h"\n#include <lmdb.h>\n')
    global ROOT
    keep, ROOT = ROOT, tmp_path
    try:
        assert len(check(bad, "core")) == 2
    finally:
        ROOT = keep


def test_files_stay_rooms_one_can_stand_in():
    long = [f"{p.relative_to(ROOT)}: {n} lines" for room in ROOMS for p in files_of(room) if p.suffix == ".c"
            for n in [len(p.read_text().splitlines())] if n > 600]
    assert not long, "\n".join(long)


def test_top_level_is_what_was_agreed():
    allowed = {"CMakeLists.txt", "CMakePresets.json", "Makefile", "README.md", "src", "include", "ocpi", "fixtures", "bench", "tests", "docker", "build"}
    extra = [p.name for p in ROOT.iterdir() if not p.name.startswith(".") and p.name not in allowed]
    assert not extra, extra
