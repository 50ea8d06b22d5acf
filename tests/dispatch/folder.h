/* A temporary folder of modules. */
#ifndef EVD_TEST_FOLDER_H
#define EVD_TEST_FOLDER_H

#include <stddef.h>

struct test_folder {
    char path[128]; /* resolved: of tests/scratch.h */
};

/* Each asserts that it went well. Names are relative to the folder; missing folders in them are
 * made. What stood there before is replaced by rename(2), so that it is a new file. */
void test_folder_make(struct test_folder *folder);
void test_folder_remove(struct test_folder *folder);
void test_folder_write(const struct test_folder *folder, const char *name, const void *bytes,
                       size_t len);
void test_folder_copy(const struct test_folder *folder, const char *name, const char *from);
void test_folder_link(const struct test_folder *folder, const char *name, const char *target);
void test_folder_delete(const struct test_folder *folder, const char *name);

/* A whole file; *ret_bytes is freed by the caller. */
void test_read_file(const char *path, char **ret_bytes, size_t *ret_len);

#endif
