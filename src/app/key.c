#include "app.h"

int app_key(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return APP_USAGE;
}
