#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ocpi/ocpi.h"

static const char usage[] =
    "usage: ocpi-hub check FILE... [--version V] [--object NAME] [--patch] [--lenient] [--ndjson] [--json]\n"
    "       ocpi-hub check --objects [--version V]\n"
    "  FILE       one object, an array of objects, an OCPI response with one or more in \"data\", or one object a line (NDJSON);\n"
    "             - is standard input\n"
    "  --version  2.1.1, 2.2.1 or 2.3.0; without it, the version that is part of the file's path (as in 2.2.1/locations/x.json)\n"
    "  --object   an object of the specification (Location, EVSE, Tariff, ...) or a module (locations, cdrs, ...) for its object;\n"
    "             without it, the object or module that is part of the file's path or begins its name\n"
    "  --objects  lists the names of objects and their versions\n"
    "  --patch    the body of a PATCH: fields may be missing\n"
    "  --strict   every defect is an error (this is how it judges unless told otherwise)\n"
    "  --lenient  as a partner's object is judged: only what makes it unusable is an error, the rest a warning\n"
    "  --ndjson   one object a line, also where the first line does not show it; files named .ndjson and .jsonl are taken so\n"
    "  --json     machine-readable output: {\"problems\":[{file,line,pointer,rule,severity,message}],\"objects\":N,\"invalid\":N}\n"
    "Exit code: 0 every object fits, 1 some do not or a file cannot be read, 2 wrong usage.\n";

typedef struct run {
    ocpi_check_t check;
    bool has_version, has_object; /* given for all files */
    char **files;                 /* the front of argv, reused */
    int file_count;
    const char *file; /* the one being checked */
    bool json, ndjson, help, objects_wanted, unreadable;
    FILE *out;
    unsigned long objects, invalid, printed;
} run_t;

/* ---- names ---- */

static uint32_t versions_of(ocpi_object_id_t id)
{
    uint32_t versions = 0;
    for (unsigned i = 0; i < ocpi_object(id)->count; i++)
        versions |= ocpi_object(id)->fields[i].versions;
    return versions;
}

/* "Location", "location", "locations", "status_schedule", and a module's own name for its object. */
static bool object_named(hub_slice_t name, ocpi_object_id_t *out)
{
    char plain[64];
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < sizeof plain; i++)
        if (!strchr("_- ", name.ptr[i]))
            plain[n++] = name.ptr[i];
    if (n == 0 || ocpi_object_parse(hub_slice(plain, n), out))
        return n != 0;
    *out = ocpi_module_object(ocpi_module_parse(hub_slice(plain, n)));
    return *out != OCPI_OBJECT_NONE || (plain[n - 1] == 's' && ocpi_object_parse(hub_slice(plain, n - 1), out));
}

/* What the parts of a path say, the later ones over the earlier: a folder or a file's name; if none does, how one begins
 * (location_example.json). */
static void guess(hub_slice_t path, ocpi_check_t *told)
{
    hub_slice_t part, stem;
    ocpi_object_id_t exact = OCPI_OBJECT_NONE, begun = OCPI_OBJECT_NONE, object;
    while (hub_slice_split(&path, '/', &part)) {
        size_t word = 0;
        if (ocpi_version_parse(part, &told->version) || !hub_slice_split(&part, '.', &stem))
            continue;
        while (word < stem.len && !strchr("_- ", stem.ptr[word]))
            word++;
        if (object_named(stem, &object))
            exact = object;
        else if (object_named(hub_slice(stem.ptr, word), &object))
            begun = object;
    }
    told->object = exact ? exact : begun;
}

static void print_objects(const run_t *run)
{
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++) {
        uint32_t versions = versions_of((ocpi_object_id_t)id);
        if (run->has_version && !(versions & run->check.version))
            continue;
        fprintf(run->out, "%-32s", ocpi_object((ocpi_object_id_t)id)->name);
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
            fprintf(run->out, " %s", versions & ocpi_versions[v] ? ocpi_version_name(ocpi_versions[v]) : "-");
        fputc('\n', run->out);
    }
}

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

static bool flag(run_t *run, const char *arg)
{
    const struct {
        const char *name;
        bool *set, to;
    } flags[] = {
        {"--help", &run->help, true},
        {"--json", &run->json, true},
        {"--objects", &run->objects_wanted, true},
        {"--ndjson", &run->ndjson, true},
        {"--patch", &run->check.partial, true},
        {"--strict", &run->check.strict, true},
        {"--lenient", &run->check.strict, false},
    };
    for (size_t i = 0; i < HUB_COUNT(flags); i++)
        if (strcmp(arg, flags[i].name) == 0) {
            *flags[i].set = flags[i].to;
            return true;
        }
    return false;
}

/* What a file is checked as: what was given, or what its path says. */
static int settle(run_t *run, const char *file)
{
    if (!run->has_version)
        run->check.version = 0;
    if (!run->has_object)
        run->check.object = OCPI_OBJECT_NONE;
    ocpi_check_t told = {0};
    guess(hub_slice_str(file), &told);
    if (!run->check.version)
        run->check.version = told.version;
    if (!run->check.object)
        run->check.object = told.object;
    if (!run->check.version)
        return wrong("--version must be 2.1.1, 2.2.1 or 2.3.0; the path does not tell it: ", file);
    if (!run->check.object)
        return wrong("--object must name an object of the specification; the path does not tell it: ", file);
    if (!(versions_of(run->check.object) & run->check.version))
        return wrong(ocpi_version_name(run->check.version), " has no such object, see ocpi-hub check --objects");
    return 0;
}

static int parse(run_t *run, int argc, char **argv)
{
    const char *version = NULL, *object = NULL;
    run->files = argv;
    for (int i = 1; i < argc; i++) {
        if (value_of(argc, argv, &i, "--version", &version) || value_of(argc, argv, &i, "--object", &object) || flag(run, argv[i]))
            continue;
        if (argv[i][0] == '-' && argv[i][1] != 0)
            return wrong("unknown option ", argv[i]);
        run->files[run->file_count++] = argv[i];
    }
    run->has_version = version != NULL;
    run->has_object = object != NULL;
    if (version && !ocpi_version_parse(hub_slice_str(version), &run->check.version))
        return wrong("--version must be 2.1.1, 2.2.1 or 2.3.0, not ", version);
    if (object && !object_named(hub_slice_str(object), &run->check.object))
        return wrong("--object must name an object of the specification, not ", object);
    if (!run->file_count && !run->help && !run->objects_wanted)
        return wrong("no file given", "");
    for (int i = 0; i < run->file_count && !run->help; i++)
        if (settle(run, run->files[i]) != 0)
            return 2;
    return 0;
}

/* ---- output ---- */

/* `line` 0: the input is one JSON text. `prefix`: the pointer of the object in it. */
static void print_text(const run_t *run, const ocpi_problem_t *p, hub_slice_t prefix, unsigned long line)
{
    if (run->file_count > 1)
        fprintf(run->out, "%s: ", run->file);
    if (line)
        fprintf(run->out, "line %lu ", line);
    hub_slice_t pointer = p->pointer.len || prefix.len ? p->pointer : HUB_SLICE_LIT("(whole)");
    fprintf(run->out, "%.*s%.*s %s [%s] %.*s\n", HUB_SLICE_FMT(prefix), HUB_SLICE_FMT(pointer),
            p->severity == OCPI_ERROR ? "error" : "warning", p->rule, HUB_SLICE_FMT(p->message));
}

static void print_problem(run_t *run, const ocpi_problem_t *p, hub_slice_t prefix, unsigned long line)
{
    if (!run->json) {
        print_text(run, p, prefix, line);
        return;
    }
    hub_buf_t pointer = HUB_BUF_INIT(NULL), out = HUB_BUF_INIT(NULL);
    hub_buf_add(&pointer, prefix);
    hub_buf_add(&pointer, p->pointer);
    hub_buf_add_str(&out, run->printed++ ? ",\n  {\"file\":" : "\n  {\"file\":");
    hub_buf_add_json_any(&out, hub_slice_str(run->file));
    if (line)
        hub_buf_printf(&out, ",\"line\":%lu", line);
    hub_buf_add_str(&out, ",\"pointer\":");
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

/* Told, named so, or the first line is JSON of its own and not the last one: one object a line. */
static bool is_ndjson(const run_t *run, hub_pool_t *pool, hub_slice_t text)
{
    hub_slice_t line, rest = hub_slice_trim(text), name = hub_slice_str(run->file);
    yyjson_doc *doc;
    static const hub_slice_t ends[] = {{".ndjson", 7}, {".jsonl", 6}};
    for (size_t i = 0; i < HUB_COUNT(ends); i++)
        if (name.len > ends[i].len && hub_slice_eq(hub_slice(name.ptr + name.len - ends[i].len, ends[i].len), ends[i]))
            return true;
    return run->ndjson || (hub_slice_split(&rest, '\n', &line) && hub_slice_trim(rest).len &&
                           ocpi_read(pool, hub_slice_trim(line), &doc, NULL) == HUB_EOK);
}

/* One object, a list of objects, or a response that carries one or the other. */
static void check_root(run_t *run, hub_pool_t *pool, yyjson_val *root)
{
    hub_slice_t prefix = HUB_SLICE_LIT("");
    yyjson_val *data = yyjson_obj_get(root, "data"), *item;
    if (data && yyjson_obj_get(root, "status_code") && run->check.object != OCPI_OBJECT_RESPONSE_FORMAT) {
        prefix = HUB_SLICE_LIT("/data");
        root = data;
    }
    size_t i, max;
    if (!yyjson_is_arr(root)) {
        check_value(run, pool, root, prefix, 0);
        return;
    }
    yyjson_arr_foreach(root, i, max, item)
    {
        check_value(run, pool, item, hub_pool_printf(pool, "%s/%zu", prefix.ptr, i), 0);
    }
}

static void check_text(run_t *run, hub_pool_t *pool, hub_slice_t text)
{
    yyjson_doc *doc;
    ocpi_problem_t problem;
    if (ocpi_read(pool, text, &doc, &problem) == HUB_EOK)
        check_root(run, pool, yyjson_doc_get_root(doc));
    else
        refuse(run, &problem, 0);
}

static void check_lines(run_t *run, hub_pool_t *pool, hub_slice_t text)
{
    hub_slice_t part;
    yyjson_doc *doc;
    ocpi_problem_t problem;
    for (unsigned long line = 1; hub_slice_split(&text, '\n', &part); line++) {
        part = hub_slice_trim(part);
        if (part.len == 0)
            continue;
        if (ocpi_read(pool, part, &doc, &problem) == HUB_EOK)
            check_value(run, pool, yyjson_doc_get_root(doc), HUB_SLICE_NONE, line);
        else
            refuse(run, &problem, line);
        hub_pool_clear(pool);
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

static void check_file(run_t *run, hub_pool_t *pool, const char *file)
{
    hub_buf_t text = HUB_BUF_INIT(NULL);
    run->file = file;
    settle(run, file);
    if (!read_all(file, &text)) {
        fprintf(stderr, "ocpi-hub check: cannot read %s: %s\n", file, strerror(errno));
        run->unreadable = true;
    } else if (is_ndjson(run, pool, hub_buf_slice(&text))) {
        check_lines(run, pool, hub_buf_slice(&text));
    } else {
        check_text(run, pool, hub_buf_slice(&text));
    }
    hub_pool_clear(pool);
    hub_buf_finish(&text);
}

int hub_app_check(int argc, char **argv)
{
    run_t run = {.check = {.strict = true}, .out = stdout};
    int usage_error = parse(&run, argc, argv);
    if (usage_error)
        return usage_error;
    if (run.help)
        fputs(usage, stdout);
    else if (run.objects_wanted)
        print_objects(&run);
    if (run.help || run.objects_wanted)
        return 0;
    if (run.json)
        fputs("{\"problems\":[", run.out);
    hub_pool_t *pool = hub_pool_create();
    for (int i = 0; i < run.file_count; i++)
        check_file(&run, pool, run.files[i]);
    hub_pool_destroy(pool);
    if (run.json)
        fprintf(run.out, "%s],\"objects\":%lu,\"invalid\":%lu}\n", run.printed ? "\n" : "", run.objects, run.invalid);
    else if (run.objects || !run.unreadable)
        fprintf(run.out, "%lu of %lu %s\n", run.objects - run.invalid, run.objects, run.objects == 1 ? "object fits" : "objects fit");
    return run.invalid || run.unreadable ? 1 : 0;
}
