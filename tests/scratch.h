/* Folders and files of a test, in one folder of its process under $TMPDIR, or /tmp.
 *
 * They are gone when the process ends. A test that is killed cannot see to that: the next one that
 * asks for a folder does, for those that nobody holds the lock of any more. */
#ifndef EVD_TEST_SCRATCH_H
#define EVD_TEST_SCRATCH_H

#define TEST_SCRATCH_MAX 128 /* bytes of a path, with the NUL */

/* The folder of this process, without symbolic links in its path. Ends the process on failure. */
const char *test_scratch(void);

/* An empty folder in it; a name for a file that is not there yet. Each call another. */
void test_scratch_folder(char ret_path[TEST_SCRATCH_MAX]);
void test_scratch_file(char ret_path[TEST_SCRATCH_MAX]);

/* Removes a folder and what is in it. 0, or -1 and errno. */
int test_scratch_remove(const char *path);

#endif
