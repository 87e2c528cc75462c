# cmake -DIN=example.json -DOUT=example_json.c -P embed.cmake: the bytes of a file as an array.
file(READ ${IN} hex HEX)
string(LENGTH "${hex}" length)
math(EXPR size "${length} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include <stddef.h>\nextern const unsigned char hub_example_json[];\nextern const size_t hub_example_json_size;\n"
    "const unsigned char hub_example_json[] = {${bytes}};\nconst size_t hub_example_json_size = ${size};\n")
