#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ocpi/ocpi.h"

static const char usage[] = "usage: ocpi-hub check FILE|- --version V --object NAME [--patch] [--lenient] [--json]\n"
                            "  FILE       one object, an array of objects, or one object a line (NDJSON); - is standard input\n"
                            "  --version  2.1.1, 2.2.1 or 2.3.0\n"
                            "  --object   an object of the specification: Location, EVSE, Connector, Tariff, Credentials, ...\n"
                            "  --patch    the body of a PATCH: fields may be missing\n"
                            "  --lenient  as a partner's object is judged: only what makes it unusable is an error\n"
                            "  --json     machine-readable output\n";

typedef struct run {
    ocpi_check_t check;
    const char *file;
    bool json, help;
    FILE *out;
    unsigned long objects, invalid, printed;
} run_t;

/* ---- arguments ---- */

static bool value_of(int argc, char **argv, int *i, const char *name, const char **out)
{
    size_t len = strlen(name);
    if (strncmp(argv[*i], name, len) != 0)
        return false;
    if (argv[*i][len] == '=') {
        *out = argv[*i] + len + 1;
        return true;
    }
    if (argv[*i][len] != 0)
        return false;
    *out = *i + 1 < argc ? argv[++*i] : "";
    return true;
}

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "ocpi-hub check: %s%s\n%s", what, value, usage);
    return 2;
}

static int parse(run_t *run, int argc, char **argv)
{
    const char *version = NULL, *object = NULL;
    for (int i = 1; i < argc; i++) {
        if (value_of(argc, argv, &i, "--version", &version) || value_of(argc, argv, &i, "--object", &object))
            continue;
        if (strcmp(argv[i], "--help") == 0)
            run->help = true;
        else if (strcmp(argv[i], "--json") == 0)
            run->json = true;
        else if (strcmp(argv[i], "--patch") == 0)
            run->check.partial = true;
        else if (strcmp(argv[i], "--lenient") == 0)
            run->check.strict = false;
        else if (argv[i][0] == '-' && argv[i][1] != 0)
            return wrong("unknown option ", argv[i]);
        else if (run->file)
            return wrong("one file, please, not also ", argv[i]);
        else
            run->file = argv[i];
    }
    if (run->help)
        return 0;
    if (!run->file)
        return wrong("no file given", "");
    if (!version || !ocpi_version_parse(hub_slice_str(version), &run->check.version))
        return wrong("--version must be 2.1.1, 2.2.1 or 2.3.0, not ", version ? version : "missing");
    if (!object || !ocpi_object_parse(hub_slice_str(object), &run->check.object))
        return wrong("--object must name an object of the specification, not ", object ? object : "missing");
    return 0;
}

/* ---- output ---- */

/* `line` 0: the input is one JSON text. `prefix`: the pointer of the object in it. */
static void print_problem(run_t *run, const ocpi_problem_t *p, hub_slice_t prefix, unsigned long line)
{
    if (!run->json) {
        if (line)
            fprintf(run->out, "line %lu ", line);
        hub_slice_t pointer = p->pointer.len || prefix.len ? p->pointer : HUB_SLICE_LIT("(whole)");
        fprintf(run->out, "%.*s%.*s %s [%s] %.*s\n", HUB_SLICE_FMT(prefix), HUB_SLICE_FMT(pointer),
                p->severity == OCPI_ERROR ? "error" : "warning", p->rule, HUB_SLICE_FMT(p->message));
        return;
    }
    hub_buf_t pointer = HUB_BUF_INIT(NULL), out = HUB_BUF_INIT(NULL);
    hub_buf_add(&pointer, prefix);
    hub_buf_add(&pointer, p->pointer);
    hub_buf_add_str(&out, run->printed++ ? ",\n  {" : "\n  {");
    if (line)
        hub_buf_printf(&out, "\"line\":%lu,", line);
    hub_buf_add_str(&out, "\"pointer\":");
    hub_buf_add_json(&out, pointer.len ? hub_buf_slice(&pointer) : HUB_SLICE_LIT(""));
    hub_buf_printf(&out, ",\"rule\":\"%s\",\"severity\":\"%s\",\"message\":", p->rule, p->severity == OCPI_ERROR ? "error" : "warning");
    hub_buf_add_json(&out, p->message);
    hub_buf_add_char(&out, '}');
    fwrite(out.ptr, 1, out.len, run->out);
    hub_buf_finish(&pointer);
    hub_buf_finish(&out);
}

/* ---- checking ---- */

static void check_value(run_t *run, hub_pool_t *pool, yyjson_val *value, hub_slice_t prefix, unsigned long line)
{
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    run->objects++;
    if (!ocpi_check(value, &run->check, &problems))
        run->invalid++;
    for (uint32_t i = 0; i < problems.count; i++)
        print_problem(run, &problems.list[i], prefix, line);
}

static void refuse(run_t *run, const ocpi_problem_t *problem, unsigned long line)
{
    run->objects++;
    run->invalid++;
    print_problem(run, problem, HUB_SLICE_NONE, line);
}

static void check_lines(run_t *run, hub_slice_t text)
{
    hub_slice_t part;
    hub_pool_t *pool = hub_pool_create();
    for (unsigned long line = 1; hub_slice_split(&text, '\n', &part); line++) {
        yyjson_doc *doc;
        ocpi_problem_t problem;
        part = hub_slice_trim(part);
        if (part.len == 0)
            continue;
        if (ocpi_read(pool, part, &doc, &problem) == HUB_EOK)
            check_value(run, pool, yyjson_doc_get_root(doc), HUB_SLICE_NONE, line);
        else
            refuse(run, &problem, line);
        hub_pool_clear(pool);
    }
    hub_pool_destroy(pool);
}

/* The first line is JSON of its own and not the last one: one object a line. */
static bool is_ndjson(hub_pool_t *pool, hub_slice_t text)
{
    hub_slice_t line, rest = hub_slice_trim(text);
    yyjson_doc *doc;
    return hub_slice_split(&rest, '\n', &line) && hub_slice_trim(rest).len && ocpi_read(pool, hub_slice_trim(line), &doc, NULL) == HUB_EOK;
}

static void check_text(run_t *run, hub_pool_t *pool, hub_slice_t text)
{
    yyjson_doc *doc;
    ocpi_problem_t problem;
    if (is_ndjson(pool, text)) {
        check_lines(run, text);
        return;
    }
    if (ocpi_read(pool, text, &doc, &problem) != HUB_EOK) {
        refuse(run, &problem, 0);
        return;
    }
    yyjson_val *root = yyjson_doc_get_root(doc), *item;
    size_t i, max;
    if (!yyjson_is_arr(root)) {
        check_value(run, pool, root, HUB_SLICE_NONE, 0);
        return;
    }
    yyjson_arr_foreach(root, i, max, item)
    {
        check_value(run, pool, item, hub_pool_printf(pool, "/%zu", i), 0);
    }
}

static bool read_all(const char *file, hub_buf_t *out)
{
    FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "rb");
    if (!in)
        return false;
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        hub_buf_add(out, hub_slice(chunk, n));
    bool good = !ferror(in);
    if (in != stdin)
        fclose(in);
    return good;
}

int hub_app_check(int argc, char **argv)
{
    run_t run = {.check = {.strict = true}, .out = stdout};
    int usage_error = parse(&run, argc, argv);
    if (usage_error)
        return usage_error;
    if (run.help) {
        fputs(usage, stdout);
        return 0;
    }
    hub_buf_t text = HUB_BUF_INIT(NULL);
    if (!read_all(run.file, &text)) {
        fprintf(stderr, "ocpi-hub check: cannot read %s: %s\n", run.file, strerror(errno));
        hub_buf_finish(&text);
        return 1;
    }
    if (run.json)
        fputs("{\"problems\":[", run.out);
    hub_pool_t *pool = hub_pool_create();
    check_text(&run, pool, hub_buf_slice(&text));
    hub_pool_destroy(pool);
    hub_buf_finish(&text);
    if (run.json)
        fprintf(run.out, "%s],\"objects\":%lu,\"invalid\":%lu}\n", run.printed ? "\n" : "", run.objects, run.invalid);
    else
        fprintf(run.out, "%lu of %lu %s\n", run.objects - run.invalid, run.objects, run.objects == 1 ? "object fits" : "objects fit");
    return run.invalid ? 1 : 0;
}
