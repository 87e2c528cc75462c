/* The header block of an HTTP/1.1 request, judged before h2o sees it. h2o takes ambiguous framing (two lengths, folded lines, bare line
 * feeds, …), on which two parties can disagree about where a request ends; here such requests end with 400. Pure; no h2o. */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include "hub/base.h"

#define HUB_WIRE_TARGET_LIMIT 8192u
#define HUB_WIRE_HEAD_LIMIT 32768u
#define HUB_WIRE_HEADER_LIMIT 100u

typedef enum hub_wire_verdict { HUB_WIRE_MORE, HUB_WIRE_GOOD, HUB_WIRE_BAD } hub_wire_verdict_t;

typedef struct hub_wire_head {
    hub_slice_t method, target; /* into the input; known as soon as the request line is complete */
    size_t len;                 /* of the header block with its empty line */
    uint64_t content_length;
    bool chunked, expects;              /* expects: 100-continue */
    int minor;                          /* HTTP/1.minor */
    hub_slice_t api_key, authorization; /* values, into the input */
    /* HUB_WIRE_BAD */
    int status;
    const char *why; /* static, for people */
} hub_wire_head_t;

/* HUB_WIRE_MORE: not complete yet, nothing wrong so far. */
hub_wire_verdict_t hub_wire_examine(hub_slice_t input, hub_wire_head_t *head);

/* Chunked framing, fed with the raw bytes of the body as they come (h2o's decoder takes anything after the size and bare line feeds). */
typedef struct hub_wire_chunks {
    uint64_t left;  /* of the chunk's data */
    uint64_t total; /* data seen */
    uint32_t line;  /* bytes of the line being read */
    uint8_t state;
} hub_wire_chunks_t;
/* HUB_WIRE_GOOD: the body ended inside these bytes, after the first *used of them. */
hub_wire_verdict_t hub_wire_chunks_feed(hub_wire_chunks_t *chunks, hub_slice_t bytes, size_t *used);

#endif
