/* Prints REFERENCE.md from the rows of tbl/: objects with their fields in each version and what the bridge does with them, enums, the rules
 * between fields, what is served. tests/lint/test_reference.py compares it with the page that is kept. */
#include <stdio.h>
#include <string.h>

#include "ocpi/bridge.h"
#include "ocpi/rule.h"

#define VERSIONS HUB_COUNT(ocpi_versions)

static void print_versions(unsigned mask)
{
    const char *comma = "";
    for (size_t v = 0; v < VERSIONS; v++)
        if (mask & ocpi_versions[v]) {
            printf("%s%s", comma, ocpi_version_name(ocpi_versions[v]));
            comma = ", ";
        }
}

static const char *mark_text(bridge_mark_t mark)
{
    static const char *const texts[] = {
        [BRIDGE_LOSSLESS] = "lossless", [BRIDGE_DEFAULTED] = "defaulted", [BRIDGE_LOSSY] = "lossy", [BRIDGE_REFUSED] = "refused"};
    return texts[mark];
}

static void print_way(const char **between, unsigned from, unsigned to)
{
    printf("%s", *between);
    *between = "; ";
    print_versions(from);
    printf(" → ");
    print_versions(to);
    printf(": ");
}

/* ---- fields ---- */

static void print_shape(const ocpi_field_t *field)
{
    static const char *const types[] = {
        [OCPI_TYPE_STRING] = "string",   [OCPI_TYPE_CISTRING] = "CiString", [OCPI_TYPE_INT] = "int", [OCPI_TYPE_NUMBER] = "number",
        [OCPI_TYPE_BOOLEAN] = "boolean", [OCPI_TYPE_DATETIME] = "DateTime", [OCPI_TYPE_URL] = "URL", [OCPI_TYPE_ANY] = "any"};
    bool sized = field->max_length && field->type != OCPI_TYPE_DATETIME && field->type != OCPI_TYPE_URL;
    const char *type = field->type == OCPI_TYPE_ENUM     ? ocpi__enum(field->ref)->name
                       : field->type == OCPI_TYPE_OBJECT ? ocpi_object((ocpi_object_id_t)field->ref)->name
                                                         : types[field->type];
    printf("%s", type);
    if (sized)
        printf("(%u)", field->max_length);
    printf(" %c", field->list ? (field->required ? '+' : '*') : field->required ? '1' : '?');
}

static void print_bridge(ocpi_object_id_t id, const char *name)
{
    const char *between = "";
    for (size_t i = 0; i < ocpi__bridge_move_count; i++) {
        const bridge_move_t *row = &ocpi__bridge_moves[i];
        if (row->object != id || strcmp(row->field, name) != 0)
            continue;
        print_way(&between, row->from, row->to);
        printf("%s", row->rule_name);
        if (strcmp(row->target, "NONE") != 0 && strcmp(row->target, name) != 0)
            printf(" %s", row->target);
        printf(", %s", mark_text(row->mark));
        if (row->why[0])
            printf(" (%s)", row->why);
    }
    for (size_t i = 0; i < ocpi__bridge_fill_count; i++) {
        const bridge_fill_t *row = &ocpi__bridge_fills[i];
        if (row->object != id || strcmp(row->field, name) != 0)
            continue;
        print_way(&between, row->from, row->to);
        printf("filled%s%s, %s", row->value[0] ? " " : "", row->value, mark_text(row->mark));
        if (row->why[0])
            printf(" (%s)", row->why);
    }
    for (size_t i = 0; i < ocpi__bridge_whole_count; i++)
        if (ocpi__bridge_wholes[i].object == id && strcmp(ocpi__bridge_wholes[i].field, name) == 0)
            printf("%snever left out", between);
}

static const ocpi_field_t *shape_in(const ocpi_object_t *object, const char *name, ocpi_version_t version)
{
    for (unsigned f = 0; f < object->count; f++)
        if ((object->fields[f].versions & version) && strcmp(object->fields[f].name, name) == 0)
            return &object->fields[f];
    return NULL;
}

static bool named_before(const ocpi_object_t *object, unsigned field)
{
    for (unsigned f = 0; f < field; f++)
        if (strcmp(object->fields[f].name, object->fields[field].name) == 0)
            return true;
    return false;
}

static void print_object(ocpi_object_id_t id)
{
    const ocpi_object_t *object = ocpi_object(id);
    printf("\n### %s\n\n| field |", object->name);
    for (size_t v = 0; v < VERSIONS; v++)
        printf(" %s |", ocpi_version_name(ocpi_versions[v]));
    printf(" bridge |\n|---|");
    for (size_t v = 0; v < VERSIONS; v++)
        printf("---|");
    printf("---|\n");
    for (unsigned f = 0; f < object->count; f++) {
        if (named_before(object, f))
            continue;
        printf("| `%s` |", object->fields[f].name);
        for (size_t v = 0; v < VERSIONS; v++) {
            const ocpi_field_t *field = shape_in(object, object->fields[f].name, ocpi_versions[v]);
            printf(" ");
            if (field)
                print_shape(field);
            printf(field ? " |" : "|");
        }
        printf(" ");
        print_bridge(id, object->fields[f].name);
        printf(" |\n");
    }
    bool some = false;
    for (size_t i = 0; i < ocpi__rule_count; i++) {
        if (ocpi__rules[i].object != id)
            continue;
        printf("%s- **%s** (", some ? "" : "\n", ocpi__rules[i].number);
        print_versions(ocpi__rules[i].versions);
        printf(") %s.\n", ocpi__rules[i].text);
        some = true;
    }
}

/* ---- enums ---- */

static void print_enum(uint16_t id)
{
    const ocpi_enum_t *e = ocpi__enum(id);
    printf("\n### %s\n\n", e->name);
    if (e->open) {
        printf("Open in ");
        print_versions(e->open);
        printf(".\n\n");
    }
    printf("| value | versions | bridge |\n|---|---|---|\n");
    for (unsigned i = 0; i <= e->count; i++) {
        const char *value = i < e->count ? e->values[i].text : "*", *between = "";
        bool row = i < e->count;
        for (size_t n = 0; n < ocpi__bridge_nearest_count && !row; n++)
            row = ocpi__bridge_nearest[n].enum_id == id && strcmp(ocpi__bridge_nearest[n].value, value) == 0;
        if (!row)
            continue;
        printf("| %s | ", i < e->count ? value : "any other");
        print_versions(i < e->count ? e->values[i].versions : e->open);
        printf(" | ");
        for (size_t n = 0; n < ocpi__bridge_nearest_count; n++) {
            const bridge_nearest_t *nearest = &ocpi__bridge_nearest[n];
            if (nearest->enum_id != id || strcmp(nearest->value, value) != 0)
                continue;
            printf("%s→ ", between);
            between = "; ";
            print_versions(nearest->to);
            printf(": %s, %s", nearest->nearest ? nearest->nearest : "none", mark_text(nearest->mark));
            if (nearest->why[0])
                printf(" (%s)", nearest->why);
        }
        printf(" |\n");
    }
}

/* ---- what is served ---- */

static void print_routes(void)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    printf("\n## Served\n\n| module | side | segments after the base | versions | methods |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < ocpi__route_count; i++) {
        const ocpi_route_t *row = &ocpi__routes[i];
        if (row->action == OCPI_ACTION_LATER)
            continue;
        printf("| %s | %s | %u | ", ocpi_module_name(row->module), ocpi_side_name(row->side), row->segments);
        print_versions(row->versions);
        printf(" |");
        for (size_t m = 0; m < HUB_COUNT(methods); m++)
            if (row->methods >> m & 1)
                printf(" %s", methods[m]);
        printf(" |\n");
    }
}

int main(void)
{
    static const char *const modules[] = {
#define OCPI_OBJECT(name, text, module) [OCPI_OBJECT_##name] = #module,
#include "ocpi/tbl/object.def"
#undef OCPI_OBJECT
    };
    printf(
        "# OCPI by table\n\nPrinted from the rows of `tbl/` by `reference/main.c` (`make reference`); not written by hand.\n\n"
        "A field is given by type and cardinality: `1` required, `?` optional, `*` any number, `+` at least one. The bridge's column says "
        "what becomes "
        "of it\non the way from one version to another: the rule of `bridge.def` and how much is lost; no word: it goes over as it is.\n");
    printf("\n## Objects\n");
    for (unsigned m = OCPI_MODULE_NONE; m < OCPI_MODULE_COUNT; m++) {
        bool some = false;
        for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++) {
            hub_slice_t module = hub_slice_str(m ? ocpi_module_name((ocpi_module_t)m) : "NONE");
            if (!hub_slice_caseeq_str(module, modules[id]))
                continue;
            if (!some)
                printf("\n<a id=\"%.*s\"></a>\n**%s**\n", HUB_SLICE_FMT(module), m ? ocpi_module_name((ocpi_module_t)m) : "types");
            some = true;
            print_object((ocpi_object_id_t)id);
        }
    }
    printf("\n## Enums\n");
    for (unsigned id = 1; id < OCPI_ENUM_COUNT; id++)
        print_enum((uint16_t)id);
    print_routes();
    return 0;
}
