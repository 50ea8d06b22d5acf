#include "loader.h"

#include "backend.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM_HEADERS_MAX 64

static int fail_errno(struct evd_error *ret_error, const char *path)
{
    return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: %s", path, strerror(errno));
}

static int check_segments(int fd, const char *path, const struct stat *status,
                          struct evd_error *ret_error)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[PROGRAM_HEADERS_MAX];
    uint64_t size = (uint64_t)status->st_size;

    if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_DYN ||
        header.e_phentsize != sizeof segments[0] || header.e_phnum > PROGRAM_HEADERS_MAX)
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: not a shared object", path);
    size_t bytes = header.e_phnum * sizeof segments[0];
    if (pread(fd, segments, bytes, (off_t)header.e_phoff) != (ssize_t)bytes)
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: truncated", path);
    for (size_t i = 0; i < header.e_phnum; i++) {
        const ElfW(Phdr) *segment = &segments[i];
        if (segment->p_filesz > size || segment->p_offset > size - segment->p_filesz)
            return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                                 "%s: truncated: it has %llu bytes, segment %zu ends at %llu", path,
                                 (unsigned long long)size, i,
                                 (unsigned long long)(segment->p_offset + segment->p_filesz));
    }
    return EVD_OK;
}

int evd_loader_check(const char *path, struct stat *ret_status, struct evd_error *ret_error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        *ret_status = (struct stat){0};
        return fail_errno(ret_error, path);
    }
    int rc = fstat(fd, ret_status) < 0 ? fail_errno(ret_error, path)
                                       : check_segments(fd, path, ret_status, ret_error);
    (void)close(fd);
    return rc;
}

int evd_loader_load(const char *path, struct evd_loaded *ret_loaded, struct evd_error *ret_error)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *why = dlerror();
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s", why != NULL ? why : path);
    }
    const struct evd_module *const *entry = dlsym(handle, EVD_MODULE_ENTRY_SYMBOL);
    int rc;
    if (entry == NULL || *entry == NULL) {
        rc = evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                           "%s: no module in it: the symbol %s is missing (see EVD_MODULE)", path,
                           EVD_MODULE_ENTRY_SYMBOL);
    } else {
        struct evd_error why;
        rc = evd_module_check(*entry, &why);
        if (rc < 0)
            (void)evd_error_set(ret_error, rc, "%s: %s", path, why.text);
    }
    if (rc < 0) {
        (void)dlclose(handle);
        return rc;
    }
    *ret_loaded = (struct evd_loaded){handle, *entry};
    return EVD_OK;
}

void evd_loader_unload(struct evd_loaded *loaded)
{
    if (loaded->handle != NULL)
        (void)dlclose(loaded->handle);
    *loaded = (struct evd_loaded){0};
}
