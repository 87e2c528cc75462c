/* The check lies in a public header because the peer room repeats it on every socket. */
#ifndef CORE_URL_H
#define CORE_URL_H

#include "hub/url.h"

#endif
