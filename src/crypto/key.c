/* The master key: from text, or from a file that only we can read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/base64.h>
#include <mbedtls/platform_util.h>

#include "crypto.h"

#define KEY_TEXT_LEN 44 /* base64 of 32 bytes */

bool hub_crypto__key_text(hub_slice_t text, unsigned char key[HUB_MASTER_KEY_LEN])
{
    text = hub_slice_trim(text);
    size_t len = 0;
    return text.len == KEY_TEXT_LEN && memchr(text.ptr, '\n', text.len) == NULL &&
           mbedtls_base64_decode(key, HUB_MASTER_KEY_LEN, &len, (const unsigned char *)text.ptr, text.len) == 0 &&
           len == HUB_MASTER_KEY_LEN;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static ssize_t read_some(int fd, char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        ssize_t n = read(fd, bytes + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        at += (size_t)n;
    }
    return (ssize_t)at;
}

static hub_err_t load(int fd, unsigned char key[HUB_MASTER_KEY_LEN], const char **why)
{
    struct stat st;
    char text[KEY_TEXT_LEN + 20];
    hub_err_t err = HUB_ECRYPTO;
    ssize_t len = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        *why = "the master key file is not a regular file";
    else if ((st.st_mode & 077) != 0)
        *why = "the master key file can be read by group or others; make it mode 0600";
    else if ((len = read_some(fd, text, sizeof text)) < 0)
        *why = "the master key file cannot be read";
    else if (!hub_crypto__key_text(hub_slice(text, (size_t)len), key))
        *why = "the master key file does not hold the base64 form of 32 bytes";
    else
        err = HUB_EOK;
    mbedtls_platform_zeroize(text, sizeof text);
    return err;
}

static void sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof folder)
        return;
    memcpy(folder, path, len);
    folder[len] = '\0';
    int fd = open(slash ? (len ? folder : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* A whole file of a name of its own, then given its name at once: nobody ever reads half a key, and of two that start together the first
 * one's key stays. */
static hub_err_t create(hub_crypto_t *crypto, const char *path, const char **why)
{
    char temporary[4096], text[KEY_TEXT_LEN + 2];
    unsigned char fresh[HUB_MASTER_KEY_LEN], tag[8];
    size_t len = 0;
    hub_crypto__random(crypto, fresh, sizeof fresh);
    hub_crypto__random(crypto, tag, sizeof tag);
    HUB_ASSERT(mbedtls_base64_encode((unsigned char *)text, sizeof text, &len, fresh, sizeof fresh) == 0);
    text[len++] = '\n';
    mbedtls_platform_zeroize(fresh, sizeof fresh);
    uint64_t number;
    memcpy(&number, tag, sizeof number);
    *why = "the master key file cannot be created";
    int n = snprintf(temporary, sizeof temporary, "%s.%016llx", path, (unsigned long long)number);
    int fd = n > 0 && (size_t)n < sizeof temporary ? open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    bool good = fd >= 0 && write_all(fd, text, len) && fsync(fd) == 0;
    mbedtls_platform_zeroize(text, sizeof text);
    if (fd < 0)
        return HUB_ECRYPTO;
    (void)close(fd);
    good = good && (link(temporary, path) == 0 || errno == EEXIST);
    (void)unlink(temporary);
    sync_folder(path);
    return good ? HUB_EOK : HUB_ECRYPTO;
}

hub_err_t hub_crypto__key_file(hub_crypto_t *crypto, const char *path, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        hub_err_t err = create(crypto, path, why);
        if (err != HUB_EOK)
            return err;
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
        *why = "the master key file cannot be opened";
        return HUB_ECRYPTO;
    }
    hub_err_t err = load(fd, crypto->key, why);
    (void)close(fd);
    if (err == HUB_EOK)
        *why = "";
    return err;
}
