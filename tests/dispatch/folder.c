#include "folder.h"

#include "dispatch_test.h"
#include "tests/scratch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void join(const struct test_folder *folder, const char *name, char *ret_path)
{
    int len = snprintf(ret_path, PATH_MAX, "%s/%s", folder->path, name);
    assert_true(len > 0 && len < PATH_MAX);
}

static void make_parents(const struct test_folder *folder, char *path)
{
    for (char *slash = path + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
}

void test_folder_make(struct test_folder *folder)
{
    char path[TEST_SCRATCH_MAX];
    test_scratch_folder(path);
    assert_true(strlen(path) < sizeof folder->path);
    (void)strcpy(folder->path, path);
}

void test_folder_remove(struct test_folder *folder)
{
    assert_int_equal(test_scratch_remove(folder->path), 0);
}

void test_folder_write(const struct test_folder *folder, const char *name, const void *bytes,
                       size_t len)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    join(folder, name, path);
    join(folder, ".new", temporary);
    make_parents(folder, path);
    FILE *file = fopen(temporary, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(temporary, path), 0);
}

void test_folder_copy(const struct test_folder *folder, const char *name, const char *from)
{
    char *bytes;
    size_t len;
    test_read_file(from, &bytes, &len);
    test_folder_write(folder, name, bytes, len);
    free(bytes);
}

void test_folder_link(const struct test_folder *folder, const char *name, const char *target)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    join(folder, name, path);
    join(folder, ".new", temporary);
    make_parents(folder, path);
    assert_int_equal(symlink(target, temporary), 0);
    assert_int_equal(rename(temporary, path), 0);
}

void test_folder_delete(const struct test_folder *folder, const char *name)
{
    char path[PATH_MAX];
    join(folder, name, path);
    assert_int_equal(unlink(path), 0);
}

void test_read_file(const char *path, char **ret_bytes, size_t *ret_len)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    assert_int_equal(fstat(fileno(file), &status), 0);
    *ret_len = (size_t)status.st_size;
    *ret_bytes = malloc(*ret_len + 1);
    assert_non_null(*ret_bytes);
    assert_int_equal(fread(*ret_bytes, 1, *ret_len, file), *ret_len);
    (void)fclose(file);
}
