/* Lines of the log: their shapes, what is left out, and that nothing in a text breaks a line. */
#include "server/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants some of the above first */
#include <cmocka.h>

/* A log into a file of its own; what was written to it is read back. */
struct written {
    struct evd_log log;
    FILE *file;
    char text[16384];
};

static void open_log(struct written *written)
{
    memset(written, 0, sizeof *written);
    written->file = tmpfile();
    assert_non_null(written->file);
    written->log = (struct evd_log){.fd = fileno(written->file), .path = NULL};
}

static const char *text_of(struct written *written)
{
    rewind(written->file);
    size_t len = fread(written->text, 1, sizeof written->text - 1, written->file);
    written->text[len] = '\0';
    return written->text;
}

static void close_log(struct written *written)
{
    (void)fclose(written->file);
}

/* A JSON line without its time, whose shape is checked. */
static const char *after_time(const char *line)
{
    int year, month, day, hour, minute, second, ms, used = 0;
    assert_int_equal(sscanf(line, "{\"time\":\"%4d-%2d-%2dT%2d:%2d:%2d.%3dZ\",%n", &year, &month,
                            &day, &hour, &minute, &second, &ms, &used),
                     7);
    assert_int_equal(used, 35);
    return line + used;
}

static void test_text_and_json(void **state)
{
    (void)state;
    struct written written;
    open_log(&written);
    evd_log_write(&written.log, EVD_LOG_WARNING, "a \"b\"");
    assert_string_equal(text_of(&written), "evd-server: warning: a \"b\"\n");
    close_log(&written);

    open_log(&written);
    written.log.json = true;
    evd_log_write(&written.log, EVD_LOG_ERROR, "a \"b\"\n\x01 \xC3\xA9 \xFF");
    assert_string_equal(
        after_time(text_of(&written)),
        "\"level\":\"error\",\"message\":\"a \\\"b\\\"\\n\\u0001 \xC3\xA9 \xEF\xBF\xBD\"}\n");
    close_log(&written);
}

static void test_levels(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "evd-server: error: e\nevd-server: warning: w\nevd-server: info: i\n",
        "evd-server: error: e\nevd-server: warning: w\n",
        "evd-server: error: e\n",
    };
    for (unsigned quieter = 0; quieter < 3; quieter++) {
        struct written written;
        open_log(&written);
        written.log.quieter = quieter;
        evd_log_write(&written.log, EVD_LOG_ERROR, "e");
        evd_log_write(&written.log, EVD_LOG_WARNING, "w");
        evd_log_write(&written.log, EVD_LOG_INFO, "i");
        assert_string_equal(text_of(&written), expected[quieter]);
        close_log(&written);
    }
}

static void test_repeats_are_counted_instead(void **state)
{
    (void)state;
    struct written written;
    open_log(&written);
    for (int i = 0; i < 100; i++)
        evd_log_write_at(&written.log, EVD_LOG_WARNING, "again", 7);
    evd_log_write_at(&written.log, EVD_LOG_ERROR, "again", 7); /* another level is another line */
    evd_log_write_at(&written.log, EVD_LOG_WARNING, "other", 7);
    evd_log_write_at(&written.log, EVD_LOG_WARNING, "again", 8);
    evd_log_write_at(&written.log, EVD_LOG_WARNING, "again", 9);
    assert_string_equal(text_of(&written),
                        "evd-server: warning: again\n"
                        "evd-server: error: again\n"
                        "evd-server: warning: other\n"
                        "evd-server: warning: again (99 more like this were left out)\n"
                        "evd-server: warning: again\n");
    close_log(&written);
}

static void test_long_lines_are_cut_whole(void **state)
{
    (void)state;
    static char text[3 * EVD_LOG_LINE_MAX];
    struct written written;
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    text[sizeof text - 1] = '\0';
    for (int shift = 0; shift < 2; shift++) { /* so that the cut falls upon both bytes */
        open_log(&written);
        written.log.json = true;
        evd_log_write(&written.log, EVD_LOG_ERROR, text + 2 * shift);
        size_t len = strlen(text_of(&written));
        assert_in_range(len, EVD_LOG_LINE_MAX - 8, EVD_LOG_LINE_MAX);
        assert_string_equal(written.text + len - 3, "\"}\n");
        assert_memory_equal(written.text + len - 5, "\xC3\xA9", 2);
        close_log(&written);
    }
    memset(text, '"', sizeof text - 1); /* each is written as two bytes */
    open_log(&written);
    written.log.json = true;
    evd_log_write(&written.log, EVD_LOG_ERROR, text);
    size_t len = strlen(text_of(&written));
    assert_in_range(len, EVD_LOG_LINE_MAX - 8, EVD_LOG_LINE_MAX);
    assert_memory_equal(written.text + len - 5, "\\\"\"}\n", 5);
    close_log(&written);
}

static void test_fields(void **state)
{
    (void)state;
    static const struct evd_log_field fields[] = {
        {.name = "a", .number = 18446744073709551615u},
        {.name = "b", .text = "x.y"},
        {.name = "c", .text = "two words"},
        {.name = "d", .text = ""},
        {.name = "e", .text = "new\nline"},
    };
    struct written written;
    open_log(&written);
    written.log.quieter = 2; /* who asked for it gets it */
    evd_log_fields(&written.log, "trace", fields, 5);
    assert_string_equal(text_of(&written), "evd-server: trace: a=18446744073709551615 b=x.y "
                                           "c=\"two words\" d=\"\" e=\"new\\nline\"\n");
    close_log(&written);
    open_log(&written);
    written.log.json = true;
    evd_log_fields(&written.log, "trace", fields, 5);
    assert_string_equal(after_time(text_of(&written)),
                        "\"level\":\"trace\",\"a\":18446744073709551615,\"b\":\"x.y\","
                        "\"c\":\"two words\",\"d\":\"\",\"e\":\"new\\nline\"}\n");
    close_log(&written);
}

/* A pipe in the place of the log: who opened it to write would wait for somebody who reads. */
static void test_a_pipe_is_not_waited_for(void **state)
{
    (void)state;
    struct evd_log log;
    struct evd_error error;
    char path[64], old[80], text[128];
    (void)snprintf(path, sizeof path, "test_log.%d", (int)getpid());
    (void)snprintf(old, sizeof old, "%s.1", path);
    assert_int_equal(evd_log_open(&log, path, &error), EVD_OK);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)alarm(60); /* or this would wait, too */
    assert_int_equal(evd_log_reopen(&log, &error), EVD_ERR_SYSTEM);
    (void)alarm(0);
    assert_non_null(strstr(error.text, "No such device or address"));
    evd_log_write(&log, EVD_LOG_INFO, "to the old one");

    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(evd_log_reopen(&log, &error), EVD_OK);
    assert_int_equal(fcntl(log.fd, F_GETFL) & (O_NONBLOCK | O_APPEND), O_APPEND);
    evd_log_write(&log, EVD_LOG_INFO, "to the reader");
    ssize_t len = read(reader, text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_non_null(strstr(text, "Z info: to the reader\n"));
    evd_log_close(&log);
    (void)close(reader);

    FILE *file = fopen(old, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_non_null(strstr(text, "Z info: to the old one\n"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pipe_is_not_waited_for),
        cmocka_unit_test(test_text_and_json),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_repeats_are_counted_instead),
        cmocka_unit_test(test_long_lines_are_cut_whole),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
