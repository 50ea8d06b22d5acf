/* Conformance: what a function can answer, and what its caller then gets. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct evd_dispatch *open_arm(void **state)
{
    struct evd_dispatch_config config = test_config(*state, NULL);
    return test_open(&config);
}

static void a_reply_arrives_byte_for_byte(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    test_expect_reply(dispatch, "t.answers.raw", "", "{\"raw\": [1,  2]}");
    test_expect_reply(dispatch, "t.answers.largest", "", "18446744073709551615");
    evd_dispatch_close(dispatch);
}

static void a_payload_passes_through_unread(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    static char bytes[TEST_TEXT_MAX];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    static const size_t lengths[] = {0, 1, 256, 65535, sizeof bytes};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int rc =
            test_start(dispatch, &call, EVD_SLICE("t.answers.echo"), evd_slice(bytes, lengths[i]));
        assert_int_equal(rc, EVD_DONE);
        assert_int_equal(call.sink.replies, 1);
        assert_int_equal(call.sink.len, lengths[i]);
        assert_memory_equal(call.sink.text, bytes, lengths[i]);
    }
    evd_dispatch_close(dispatch);
}

static void a_string_is_escaped(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\""},
        {"\x01\x1f\n\t", "\"\\u0001\\u001f\\n\\t\""},
        {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"\xff", "\"\xef\xbf\xbd\""}, /* not UTF-8: U+FFFD */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        test_expect_reply(dispatch, "t.answers.text", cases[i][0], cases[i][1]);
    evd_dispatch_close(dispatch);
}

/* Around the size where the escaped text moves from the stack to the arena. */
static void a_long_string_is_escaped(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    static char text[100 * 1024];
    memset(text, '"', sizeof text);
    static const size_t lengths[] = {84, 85, 86, 511, 512, 10922, 10923, sizeof text};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int rc =
            test_start(dispatch, &call, EVD_SLICE("t.answers.text"), evd_slice(text, lengths[i]));
        assert_int_equal(rc, EVD_DONE);
        assert_int_equal(call.sink.replies, 1);
        assert_int_equal(call.sink.len, lengths[i] * 2 + 2);
        for (size_t at = 1; at < call.sink.len - 1; at++)
            assert_int_equal(call.sink.text[at], at % 2 == 1 ? '\\' : '"');
    }
    evd_dispatch_close(dispatch);
}

/* Six bytes for each: the most that escaping makes of a byte. */
static void a_string_of_control_characters_is_escaped(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    static char text[200];
    memset(text, '\x01', sizeof text);
    for (size_t len = 80; len <= sizeof text; len++) {
        int rc = test_start(dispatch, &call, EVD_SLICE("t.answers.text"), evd_slice(text, len));
        assert_int_equal(rc, EVD_DONE);
        assert_int_equal(call.sink.replies, 1);
        assert_int_equal(call.sink.len, len * 6 + 2);
        for (size_t at = 1; at < call.sink.len - 1; at += 6)
            assert_memory_equal(call.sink.text + at, "\\u0001", 6);
    }
    evd_dispatch_close(dispatch);
}

static void a_tree_is_read_and_printed(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const char text[] = " {\"a\": [1, 2.5, true, null], \"b\": {\"c\": \"\\u00e4\"}} ";
    static const char compact[] = "{\"a\":[1,2.5,true,null],\"b\":{\"c\":\"\xc3\xa4\"}}";
    static char copied[sizeof compact + 16];
    (void)snprintf(copied, sizeof copied, "{\"copy\":%s}", compact);
    test_expect_reply(dispatch, "t.answers.tree", text, compact);
    test_expect_reply(dispatch, "t.answers.own_tree", text, copied);
    test_expect_reply(dispatch, "t.answers.tree", "", "null");
    test_expect_reply(dispatch, "t.answers.same_tree", text, "1");
    evd_dispatch_close(dispatch);
}

static void what_is_not_json_is_told_by_its_offset(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    test_run(dispatch, &call, "t.answers.tree", "{\"a\":1,}");
    assert_string_equal(call.sink.code, "bad_data");
    assert_non_null(strstr(call.sink.text, "byte 7"));

    /* Nobody is made to read it; and what one call could not read is not another's. */
    test_run(dispatch, &call, "t.answers.survives", "{\"a\":1,}");
    assert_string_equal(call.sink.text, "\"survived\"");
    assert_int_equal((intptr_t)call.flight.call.context, EVD_ERR_BAD_DATA);
    test_expect_error(dispatch, "t.answers.status", "-6", EVD_ERR_BAD_DATA, NULL);
    evd_dispatch_close(dispatch);
}

static void expect_member(struct evd_dispatch *dispatch, const char *envelope, const char *reply)
{
    static struct test_call call;
    test_sink_init(&call.sink);
    call.message = (struct evd_message){.event = EVD_SLICE("t.answers.member"),
                                        .envelope = evd_slice_text(envelope)};
    assert_int_equal(evd_dispatch_call(dispatch, &call.message, &call.sink.sink, &call.flight),
                     EVD_DONE);
    assert_string_equal(call.sink.text, reply);
}

static void members_of_the_envelope_can_be_read(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    expect_member(dispatch, "{\"event\":\"t.answers.member\",\"name\":\"Ada\"}", "\"Ada\"");
    expect_member(dispatch, "{\"name\" : {\"first\" : \"Ada\"}, \"data\":[1]}",
                  "{\"first\":\"Ada\"}");
    expect_member(dispatch, "{\"n\\u0061me\":7}", "7");
    expect_member(dispatch, "{\"event\":\"t.answers.member\",\"Name\":\"Ada\"}", "\"none\"");
    expect_member(dispatch, "{\"data\":{\"name\":\"Ada\"}}", "\"none\"");
    expect_member(dispatch, "{}", "\"none\"");
    expect_member(dispatch, "", "\"none\"");
    evd_dispatch_close(dispatch);
}

static void trees_keep_to_their_maximum(void **state)
{
    struct evd_dispatch_config config = test_config(*state, NULL);
    config.max_tree = 16 * 1024;
    struct evd_dispatch *dispatch = test_open(&config);
    static char text[4096] = "[";
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "1,", 2);
    (void)strcpy(text + sizeof text - 3, "1]");
    test_expect_error(dispatch, "t.answers.tree", text, EVD_ERR_NO_MEMORY, NULL);
    test_expect_error(dispatch, "t.answers.text", text, EVD_ERR_TOO_LARGE, NULL);
    text[11] = '\0';
    text[10] = ']';
    test_expect_reply(dispatch, "t.answers.tree", text, "[1,1,1,1,1]");
    evd_dispatch_close(dispatch);
}

static void nesting_has_a_maximum(void **state)
{
    struct evd_dispatch_config config = test_config(*state, NULL);
    config.max_depth = 3;
    struct evd_dispatch *dispatch = test_open(&config);
    static struct test_call call;
    test_expect_reply(dispatch, "t.answers.tree", "[[[1]]]", "[[[1]]]");
    test_run(dispatch, &call, "t.answers.tree", "[[[[1]]]]");
    assert_string_equal(call.sink.code, "bad_data");
    assert_non_null(strstr(call.sink.text, "deep"));
    evd_dispatch_close(dispatch);
}

/* ---- One answer a call. ---- */

static void the_first_answer_stands(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const char *const replies_one[] = {"t.answers.reply_twice", "t.answers.reply_then_fail"};
    static struct test_call call;
    for (size_t i = 0; i < 2; i++) {
        test_run(dispatch, &call, replies_one[i], "");
        assert_int_equal(call.sink.replies, 1);
        assert_string_equal(call.sink.text, "1");
        assert_int_equal((intptr_t)call.flight.call.context, EVD_ERR_ANSWERED);
    }
    test_run(dispatch, &call, "t.answers.fail_then_reply", "");
    assert_string_equal(call.sink.code, "first");
    assert_string_equal(call.sink.text, "The first stands");
    assert_int_equal((intptr_t)call.flight.call.context, EVD_ERR_ANSWERED);
    test_expect_reply(dispatch, "t.answers.reply_then_error", "", "1");
    test_expect_reply(dispatch, "t.answers.reply_then_more", "", "1");
    evd_dispatch_close(dispatch);
}

static void an_end_without_an_answer_is_an_error(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    test_expect_error(dispatch, "t.answers.nothing", "", EVD_ERR_NO_ANSWER, NULL);
    test_expect_error(dispatch, "t.answers.status", "0", EVD_ERR_NO_ANSWER, NULL);
    test_expect_error(dispatch, "t.answers.status", "7", EVD_ERR_NO_ANSWER, NULL);
    evd_dispatch_close(dispatch);
}

static void a_status_becomes_its_error(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const int listed[] = {
#define STATUS(name, value, code, text) value,
        EVD_STATUS_MAP(STATUS)
#undef STATUS
    };
    static struct test_call call;
    char number[16];
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
        (void)snprintf(number, sizeof number, "%d", listed[i]);
        test_run(dispatch, &call, "t.answers.status", number);
        assert_int_equal(call.sink.fails, 1);
        assert_string_equal(call.sink.code, evd_status_code(listed[i]));
        assert_true(call.sink.len > 0);
    }
    test_expect_error(dispatch, "t.answers.status", "-15", EVD_ERR_BUSY, NULL);
    test_expect_error(dispatch, "t.answers.status", "-9999", EVD_ERR_INTERNAL, NULL);
    evd_dispatch_close(dispatch);
}

static void a_function_may_fail_in_its_own_words(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    test_run(dispatch, &call, "t.answers.fail", "");
    assert_int_equal(call.sink.fails, 1);
    assert_string_equal(call.sink.code, "out_of_stock");
    assert_string_equal(call.sink.text, "No \"Stra\xc3\x9f"
                                        "e\" left");
    evd_dispatch_close(dispatch);
}

/* ---- A sink that cannot take the answer. ---- */

static void refuse(struct evd_dispatch *dispatch, struct test_call *call, struct evd_slice event)
{
    test_sink_init(&call->sink);
    call->sink.refuse = EVD_ERR_TOO_LARGE;
    call->message = (struct evd_message){.event = event, .data = EVD_SLICE("[1]")};
    assert_int_equal(evd_dispatch_call(dispatch, &call->message, &call->sink.sink, &call->flight),
                     EVD_DONE);
    assert_int_equal(call->sink.replies, 0);
    assert_int_equal(call->sink.fails, 1);
}

static void a_refused_answer_fails_the_call(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    static const struct evd_slice events[] = {
        EVD_SLICE("t.answers.raw"),
        EVD_SLICE("t.answers.text"),
        EVD_SLICE("t.answers.tree"),
        EVD_SLICE("t.answers.own_tree"),
        EVD_SLICE("t.answers.ignore_refusal"),
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        refuse(dispatch, &call, events[i]);
        assert_string_equal(call.sink.code, "too_large");
        assert_string_equal(call.sink.text, evd_status_text(EVD_ERR_TOO_LARGE));
    }
    refuse(dispatch, &call, EVD_SLICE("t.answers.retry_smaller"));
    assert_string_equal(call.sink.code, "too_long");
    test_expect_reply(dispatch, "t.answers.raw", "", "{\"raw\": [1,  2]}");
    evd_dispatch_close(dispatch);
}

const struct test_case conformance_answers[] = {
    TEST_CASE(a_reply_arrives_byte_for_byte),
    TEST_CASE(a_payload_passes_through_unread),
    TEST_CASE(a_string_is_escaped),
    TEST_CASE(a_long_string_is_escaped),
    TEST_CASE(a_string_of_control_characters_is_escaped),
    TEST_CASE(a_tree_is_read_and_printed),
    TEST_CASE(what_is_not_json_is_told_by_its_offset),
    TEST_CASE(members_of_the_envelope_can_be_read),
    TEST_CASE(trees_keep_to_their_maximum),
    TEST_CASE(nesting_has_a_maximum),
    TEST_CASE(the_first_answer_stands),
    TEST_CASE(an_end_without_an_answer_is_an_error),
    TEST_CASE(a_status_becomes_its_error),
    TEST_CASE(a_function_may_fail_in_its_own_words),
    TEST_CASE(a_refused_answer_fails_the_call),
};
const size_t conformance_answers_count = sizeof conformance_answers / sizeof *conformance_answers;
