"""Values that fit a schema of the description, and values that nearly do. Everything from one seeded random generator, so that a failure comes again."""

import copy
import json
import re._constants as sre
import re._parser as parser

CLOSED = "http://127.0.0.1:9/"  # nobody listens: what the hub calls there fails at once
WORDS = ("a", "Quay 1", "Zürich", "é", "漢字", "x" * 40, "0", "null", "-", "\"", "\\", "/", "<b>", "{}", "a b")


class Values:
    def __init__(self, document, random):
        self.document, self.random = document, random

    # ---- strings of a pattern

    def of_set(self, items):
        negate = items[0][0] is sre.NEGATE
        if negate:
            return self.random.choice("abcXYZ019-_ü")
        kind, value = self.random.choice(items)
        if kind is sre.LITERAL:
            return chr(value)
        if kind is sre.RANGE:
            return chr(self.random.randint(value[0], value[1]))
        return {sre.CATEGORY_NOT_SPACE: "k", sre.CATEGORY_DIGIT: "7", sre.CATEGORY_SPACE: " "}[value]

    def of_parts(self, parts):
        made = ""
        for kind, value in parts:
            if kind is sre.LITERAL:
                made += chr(value)
            elif kind is sre.NOT_LITERAL or kind is sre.ANY:
                made += "n"
            elif kind is sre.IN:
                made += self.of_set(value)
            elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
                low, high, below = value
                made += "".join(self.of_parts(below) for _ in range(self.random.randint(low, min(int(high), low + 5))))
            elif kind is sre.SUBPATTERN:
                made += self.of_parts(value[3])
            elif kind is sre.BRANCH:
                made += self.of_parts(self.random.choice(value[1]))
            elif kind is sre.CATEGORY:
                made += "k"
            else:
                assert kind is sre.AT, kind
        return made

    def text(self, schema):
        pattern = schema.get("pattern")
        if pattern and "https?" in pattern:
            return self.random.choice((CLOSED, CLOSED + "a/b?c=d", CLOSED + "x" * 20))
        if pattern and "hourly" in pattern:
            return self.random.choice(("hourly", "daily", "weekly", "monthly", "*/5 * * * *", "0 4 1 * *", "PT1H", "P1D"))
        if pattern and "whsec_" in pattern:
            return "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
        if pattern:
            return self.of_parts(parser.parse(pattern))
        if schema.get("format") == "date-time":
            return self.random.choice(("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678Z", "2025-12-31T23:59:59Z"))
        if schema.get("format", "").startswith("uri"):
            return self.random.choice(("https://example.com/a", "https://example.com/" + "p" * 30))
        low, high = schema.get("minLength", 0), schema.get("maxLength", 60)
        text = self.random.choice(WORDS + (("y" * min(high, 5000)),))
        return (text * (low // len(text) + 1))[:max(low, min(len(text), high))] if len(text) < low or len(text) > high else text

    # ---- values that fit

    def type_of(self, schema):
        kinds = schema.get("type", "object" if "properties" in schema else ["string", "integer", "boolean", "object", "array", "null"])
        return self.random.choice(kinds) if isinstance(kinds, list) else kinds

    def make(self, schema, depth=0):
        if "$ref" in schema:
            return self.make(self.document.at(schema["$ref"]), depth)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        if "anyOf" in schema:
            return self.make(self.random.choice(schema["anyOf"]), depth)
        kind = self.type_of(schema)
        if kind == "string":
            return self.random.choice(schema["examples"]) if "examples" in schema and self.random.random() < 0.8 else self.text(schema)
        if kind in ("integer", "number"):
            low, high = schema.get("minimum", 0), schema.get("maximum", 1 << 40)
            return self.random.choice((low, high, max(low, min(high, self.random.randint(0, 100)))))
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "array":
            low = schema.get("minItems", 0)
            count = self.random.randint(low, low + (2 if depth < 4 else 0))
            return [self.make(schema.get("items", {}), depth + 1) for _ in range(count)]
        return None if kind == "null" else self.object(schema, depth)

    def object(self, schema, depth):
        properties, made = schema.get("properties", {}), {}
        for name, below in properties.items():
            if below.get("readOnly") or below.get("deprecated"):
                continue
            if name in schema.get("required", ()) or self.random.random() < (0.5 if depth < 3 else 0.2):
                made[name] = self.make(below, depth + 1)
        for rule in schema.get("allOf", ()):
            if "if" in rule and self.document.fits(rule["if"], made):
                made.update({name: self.make(below, depth + 1) for name, below in rule.get("then", {}).get("properties", {}).items() if name in made})
            elif "else" in rule:
                made.update({name: self.make(below, depth + 1) for name, below in rule["else"]["properties"].items() if name in made})
        if not properties and self.random.random() < 0.5:
            made["anything"] = self.random.choice(WORDS)
        while len(made) < schema.get("minProperties", 0) and properties:
            name = self.random.choice([n for n, p in properties.items() if not p.get("readOnly")])
            made[name] = self.make(properties[name], depth + 1)
        return made

    def valid(self, schema, tries=8):
        """A value that fits; None when none was found (then the schema wants what this cannot make)."""
        for _ in range(tries):
            value = self.make(schema)
            if self.document.fits(schema, value):
                return value
        return None

    # ---- values that may not fit

    def places(self, value, found, holder=None, key=None):
        found.append((holder, key))
        for k, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            self.places(below, found, value, k)
        return found

    def odd(self):
        return copy.deepcopy(self.random.choice((
            None, True, False, 0, -1, 1.5, 1e300, 10 ** 30, "", "x" * 70000, "\u0000", "\ud7ff\uffff", "••••", [], {}, [[]], [None], {"a": None}, {"": ""},
            ["x"] * 300, {str(i): i for i in range(300)}, "2026-13-45T99:99:99Z", "../../etc", "'; --", {"$ref": "#"}, [{}], -2 ** 63, 2 ** 63, 2 ** 64)))

    def mutated(self, value):
        """One to three changes somewhere: another type, something missing, something more."""
        root = [copy.deepcopy(value)]
        for _ in range(self.random.randint(1, 3)):
            holder, key = self.random.choice(self.places(root[0], [], root, 0))
            change = self.random.random()
            if change < 0.55 or holder is root:
                holder[key] = self.odd()
            elif change < 0.75 and isinstance(holder, (dict, list)):
                del holder[key]
            elif isinstance(holder, dict):
                holder[self.random.choice(("unknown", "id", "", "a/b~c", "x" * 300, "toString", "ü"))] = self.odd()
            else:
                holder.append(self.odd())
            if not root:
                root.append({})
        return root[0]

    def junk(self):
        """Bytes that are no JSON, or hardly."""
        return self.random.choice((
            b"", b" ", b"{", b"}", b"[", b"nul", b"\xff\xfe{}", b'{"name":"\xff"}', b'{"a":1,"a":2}', b'{"a":1}{"b":2}', b'"{\\"name\\":1}"', b"[" * 5000,
            b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"a":01}', b'{"a":NaN}', b"{'a':1}", b'{"\\u0000":1}', b'{"a":"\\ud800"}', b"\xef\xbb\xbf{}", b"{}x",
            b"\x00" * 20, b"[1,]", b"null", b"123", b'"text"', b"[]", b"[{}]", b"{}\n{}\n", b"\n\n", b'{"a":"' + b"x" * 200000 + b'"}'))


def dumps(value):
    return json.dumps(value, ensure_ascii=True, allow_nan=False).encode()
