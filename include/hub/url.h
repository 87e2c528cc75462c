/* URLs of peers: which ones may be called at all. The guard against request forgery: a partner's URL must not reach our own network.
 * Checked when a URL is configured or received, and once more by the peer room on every socket, after DNS. Pure; safe on any thread. */
#ifndef HUB_URL_H
#define HUB_URL_H

#include "hub/base.h"

#define HUB_URL_MAX 2048

/* An absolute https URL without user information and fragment whose host is neither a loopback name nor a literal address outside the
 * public Internet. `insecure` (--insecure-peers) also takes http and such hosts. *why (may be NULL): static text for people. */
bool hub_url_check(hub_slice_t url, bool insecure, const char **why);

/* The same for a mail server: smtp:// or smtps:// instead of https://. smtp:// needs no `insecure`: STARTTLS is insisted on. */
bool hub_url_check_mail(hub_slice_t url, bool insecure, const char **why);

/* IPv4 (len 4) or IPv6 (len 16) in network order: global unicast? Not loopback, private, link-local, CGNAT, unique-local, multicast,
 * documentation, reserved; IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged as IPv4. */
bool hub_address_public(const unsigned char *bytes, size_t len);

#endif
