#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "check.h"

static const struct {
    const char *name, *usage, *doc;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, usage, doc) {#name, usage, doc, app_##name},
#include "command.def"
#undef COMMAND
};

int app_check(int argc, char **argv)
{
    return hub_app_check(argc + 1, argv - 1); /* it wants its own name first */
}

static void help(FILE *out)
{
    fputs("ocpi-hub " HUB_VERSION ": OCPI integration hub\n\n", out);
    for (size_t i = 0; i < HUB_COUNT(commands); i++)
        fprintf(out, "  ocpi-hub %-7s %s\n                   %s\n", commands[i].name, commands[i].usage, commands[i].doc);
    fputs("\nocpi-hub COMMAND --help tells its options. Exit code: 0 success, 1 failure, 2 usage.\n", out);
}

/* The store is a mapped file: a page behind its end, or one that the disk does not give, comes as this signal. */
static void on_unreadable(int number)
{
    static const char text[] = "ocpi-hub: data.mdb cannot be read, it is damaged or its disk fails: restore a backup\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1)) {
    }
    _exit(APP_FAILED);
}

int main(int argc, char **argv)
{
    signal(SIGBUS, on_unreadable);
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < HUB_COUNT(commands); i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return APP_OK;
    }
    if (strcmp(name, "--version") == 0) {
        puts("ocpi-hub " HUB_VERSION);
        return APP_OK;
    }
    if (*name)
        fprintf(stderr, "ocpi-hub: no such command: %s\n\n", name);
    help(stderr);
    return APP_USAGE;
}
