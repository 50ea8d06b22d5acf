#include "codec.h"

#include "gzip.h"

#include <stdint.h>

#define GZIP_LEVEL 1 /* answers are small and wait for it: speed before size */

const struct evd_codec *const evd_codecs[] = {
#define EVD_CODEC(ident, number) &evd_codec_##ident,
#include "codec.def"
#undef EVD_CODEC
    NULL,
};

/* Room for a payload of max_decoded in its widest form, base64 of what gzip could not shrink, and
 * for the headers of small ones. */
static size_t wire_max(size_t max_decoded)
{
    const size_t headers = 64 * 1024;
    return max_decoded > (SIZE_MAX - headers) / 2 ? SIZE_MAX : max_decoded * 2 + headers;
}

int evd_codec_context_init(struct evd_codec_context *context, size_t max_decoded)
{
    *context = (struct evd_codec_context){.max_decoded = max_decoded};
    evd_buf_init(&context->scratch, wire_max(max_decoded));
    evd_buf_init(&context->wire, wire_max(max_decoded));
    return evd_gzip_open(GZIP_LEVEL, &context->gzip);
}

void evd_codec_context_release(struct evd_codec_context *context)
{
    evd_gzip_close(context->gzip);
    context->gzip = NULL;
    evd_buf_release(&context->scratch);
    evd_buf_release(&context->wire);
}

size_t evd_codec_inflated_max(const struct evd_codec_context *context, size_t gzip_len)
{
    size_t max = context->max_decoded, ratio = context->max_ratio;
    if (ratio == 0 || gzip_len >= max / ratio || max <= EVD_CODEC_RATIO_FROM)
        return max;
    size_t allowed = gzip_len * ratio;
    return allowed > EVD_CODEC_RATIO_FROM ? allowed : EVD_CODEC_RATIO_FROM;
}

const struct evd_codec *evd_codec_by_name(struct evd_slice name)
{
    for (size_t i = 0; evd_codecs[i] != NULL; i++)
        if (evd_slice_equal(name, evd_slice_text(evd_codecs[i]->name)))
            return evd_codecs[i];
    return NULL;
}

const struct evd_codec *evd_codec_by_number(uint8_t number)
{
    for (size_t i = 0; evd_codecs[i] != NULL; i++)
        if (evd_codecs[i]->number == number)
            return evd_codecs[i];
    return NULL;
}
