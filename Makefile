# Thin: every target calls docker/install-packages.sh, CMake or a script of its room.
.PHONY: all packages demo test bench fuzz image format lint tsan reference clean

all: packages
	cmake --preset release >/dev/null
	cmake --build --preset release

packages:
	@sh docker/install-packages.sh build test check

demo: all
	/usr/bin/python3 fixtures/demo.py --binary build/release/ocpi-hub $(DEMO_ARGS)

# ThreadSanitizer first, so that the closing lines of the whole run come last.
test: tsan
	cmake --preset dev >/dev/null
	cmake --build --preset dev
	ctest --preset dev $(TEST_ARGS)

tsan: packages
	cmake --preset tsan >/dev/null
	cmake --build --preset tsan
	ctest --preset tsan -L threads

bench:
	@sh docker/install-packages.sh build test bench
	cmake --preset bench >/dev/null
	cmake --build --preset bench
	/usr/bin/python3 bench/run.py --build build/bench $(BENCH_ARGS)

fuzz: packages
	cmake --preset fuzz >/dev/null
	cmake --build --preset fuzz
	sh tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)

image:
	@sh docker/install-packages.sh image
	sh docker/build-image.sh
	sh docker/test-image.sh

format: packages
	git ls-files '*.c' '*.h' | xargs clang-format -i

# The clang build is a check of its own: the same warnings, a second compiler.
lint: packages
	cmake --preset clang >/dev/null
	cmake --build --preset clang
	sh tests/lint/static.sh build/clang

reference: all
	build/release/ocpi-reference > ocpi/REFERENCE.md

clean:
	rm -rf build
