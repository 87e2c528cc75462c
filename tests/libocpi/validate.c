/* validate FILE VERSION OBJECT: prints what is wrong with the OCPI object in a file. */
#include <ocpi/ocpi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static char bytes[1 << 20];
    ocpi_check_t check = {.strict = true};
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    if (!file || !ocpi_version_parse(hub_slice_str(argv[2]), &check.version) || !ocpi_object_parse(hub_slice_str(argv[3]), &check.object))
        return 2;
    hub_slice_t text = hub_slice(bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);

    hub_pool_t *pool = hub_pool_create(); /* all that libocpi returns lies in a pool */
    yyjson_doc *doc;
    ocpi_problem_t unread;
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    if (ocpi_read(pool, text, &doc, &unread) == HUB_EOK)
        ocpi_check(yyjson_doc_get_root(doc), &check, &problems);
    else
        ocpi_problem_add(&problems, OCPI_ERROR, unread.pointer, unread.rule, "%.*s", HUB_SLICE_FMT(unread.message));
    for (uint32_t i = 0; i < problems.count; i++) {
        const ocpi_problem_t *p = &problems.list[i];
        printf("%.*s [%s] %.*s\n", HUB_SLICE_FMT(p->pointer), p->rule, HUB_SLICE_FMT(p->message));
    }
    int code = problems.errors ? 1 : 0;
    hub_pool_destroy(pool);
    return code;
}
