/* Codecs by payload size, both ways; and cJSON's trees, for scale. */
#include "suite.h"

#include "dispatch/status.h"
#include "server/wire/codec.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#define PAYLOAD_MAX ((size_t)1024 * 1024)

struct codec_case {
    const struct evd_codec *codec;
    size_t size; /* of the payload, not encoded */
    bool decode;
};

static void transcode(struct evd_bench *bench, struct evd_codec_context *context,
                      const struct codec_case *which, struct evd_slice payload)
{
    struct evd_buf wire, out;
    evd_buf_init(&wire, PAYLOAD_MAX);
    evd_buf_init(&out, PAYLOAD_MAX);
    int rc = which->codec->encode(context, payload, &wire);
    while (rc >= 0 && evd_bench_next(bench)) {
        evd_buf_clear(&out);
        rc = which->decode ? which->codec->decode(context, evd_buf_slice(&wire), &out, NULL)
                           : which->codec->encode(context, payload, &out);
        evd_bench_use(out.ptr);
    }
    struct evd_slice expected = which->decode ? payload : evd_buf_slice(&wire);
    if (rc < 0 || !evd_slice_equal(evd_buf_slice(&out), expected))
        evd_bench_fail(bench, "the codec does not give back what went in");
    evd_buf_release(&wire);
    evd_buf_release(&out);
}

static void run_codec(struct evd_bench *bench, void *arg)
{
    const struct codec_case *which = arg;
    struct evd_codec_context context;
    char *payload = bench_json_make(which->size);
    if (payload == NULL || evd_codec_context_init(&context, PAYLOAD_MAX) < 0) {
        evd_bench_fail(bench, "out of memory");
    } else {
        transcode(bench, &context, which, evd_slice(payload, which->size));
        evd_codec_context_release(&context);
    }
    evd_bench_bytes(bench, (int64_t)which->size);
    free(payload);
}

static void tree_parse(struct evd_bench *bench, void *arg)
{
    const size_t *size = arg;
    char *payload = bench_json_make(*size);
    if (payload == NULL)
        evd_bench_fail(bench, "out of memory");
    while (payload != NULL && evd_bench_next(bench)) {
        cJSON *tree = cJSON_ParseWithLength(payload, *size);
        if (tree == NULL) {
            evd_bench_fail(bench, "cJSON refuses the payload");
            break;
        }
        cJSON_Delete(tree);
    }
    evd_bench_bytes(bench, (int64_t)*size);
    free(payload);
}

static void tree_print(struct evd_bench *bench, void *arg)
{
    const size_t *size = arg;
    char *payload = bench_json_make(*size);
    cJSON *tree = payload == NULL ? NULL : cJSON_ParseWithLength(payload, *size);
    if (tree == NULL)
        evd_bench_fail(bench, "there is no tree");
    while (tree != NULL && evd_bench_next(bench)) {
        char *text = cJSON_PrintUnformatted(tree);
        evd_bench_use(text);
        free(text);
    }
    evd_bench_bytes(bench, (int64_t)*size);
    cJSON_Delete(tree);
    free(payload);
}

void bench_add_codecs(struct bench_suite *suite)
{
    static const size_t sizes[] = {64, 1024, 64 * 1024};
    char text[16];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        (void)bench_size_text(sizes[i], text);
        for (size_t c = 0; evd_codecs[c] != NULL; c++) {
            struct codec_case which = {evd_codecs[c], sizes[i], true};
            if (which.codec->identity)
                continue;
            bench_add(suite, run_codec, &which, sizeof which, "codec/%s/decode/size:%s",
                      which.codec->name, text);
            which.decode = false;
            bench_add(suite, run_codec, &which, sizeof which, "codec/%s/encode/size:%s",
                      which.codec->name, text);
        }
        bench_add(suite, tree_parse, &sizes[i], sizeof *sizes, "cjson/parse/size:%s", text);
        bench_add(suite, tree_print, &sizes[i], sizeof *sizes, "cjson/print/size:%s", text);
    }
}
