#!/bin/sh
# clang-tidy and cppcheck over the product; silent and 0 when clean. $1: a build folder with compile_commands.json.
set -eu
build=${1:?build folder}
cd "$(dirname "$0")/../.."
git ls-files 'src/*.c' 'ocpi/*.c' | xargs -P 2 -n 6 clang-tidy -p "$build" --quiet 2>/dev/null
cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem --suppress=unmatchedSuppression --suppressions-list=tests/lint/cppcheck.txt \
    -D_GNU_SOURCE -DHUB_VERSION='"0"' '-Dyyjson_arr_foreach(a,i,n,v)=for(;;)' '-Dyyjson_obj_foreach(o,i,n,k,v)=for(;;)' -Iinclude -I. -j 2 src ocpi
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
