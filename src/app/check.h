/* `ocpi-hub check`: validates OCPI JSON without a store or a server. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

/* argv[0] is the command's own name, the rest its arguments. The exit code: 0 every object fits, 1 some do not (or the file cannot be
 * read), 2 usage. */
int hub_app_check(int argc, char **argv);

#endif
