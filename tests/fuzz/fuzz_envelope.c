/* Envelopes: what the scan finds is what cJSON finds, and both transports carry it. */
#include "fuzz.h"
#include "round_trip.h"

#include <cjson/cJSON.h>

static void check_text(const cJSON *item, struct evd_slice expected)
{
    FUZZ_CHECK(cJSON_IsString(item) &&
               evd_slice_equal(evd_slice_text(item->valuestring), expected));
}

static void check_id(const cJSON *item, const struct evd_id *id)
{
    switch (id->kind) {
    case EVD_ID_NONE:
        FUZZ_CHECK(item == NULL || cJSON_IsNull(item));
        break;
    case EVD_ID_UINT:
        FUZZ_CHECK(cJSON_IsNumber(item) && item->valuedouble == (double)id->number);
        break;
    case EVD_ID_TEXT: {
        FUZZ_CHECK(id->text.len <= EVD_ID_MAX);
        cJSON *tree = cJSON_ParseWithLength(id->text.ptr, id->text.len);
        FUZZ_CHECK(tree != NULL && cJSON_Compare(tree, item, true));
        cJSON_Delete(tree);
        break;
    }
    }
}

/* A call that was accepted. */
static void check_call(struct evd_slice text, const struct evd_envelope *envelope)
{
    cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
    FUZZ_CHECK(cJSON_IsObject(tree));
    const cJSON *event = cJSON_GetObjectItemCaseSensitive(tree, "event");
    const cJSON *encoding = cJSON_GetObjectItemCaseSensitive(tree, "encoding");
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "data");
    FUZZ_CHECK(event != NULL || envelope->event.len == 0);
    if (event != NULL && envelope->event.len <= EVD_EVENT_MAX)
        check_text(event, envelope->event);
    check_id(cJSON_GetObjectItemCaseSensitive(tree, "id"), &envelope->id);
    if (encoding != NULL)
        check_text(encoding, evd_slice_text(envelope->codec->name));
    else
        FUZZ_CHECK(envelope->codec == &evd_codec_json);
    FUZZ_CHECK((data != NULL) == (envelope->data.len > 0));
    if (data != NULL) {
        cJSON *found = cJSON_ParseWithLength(envelope->data.ptr, envelope->data.len);
        char *ours = cJSON_PrintUnformatted(found), *theirs = cJSON_PrintUnformatted(data);
        FUZZ_CHECK(ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0);
        cJSON_free(ours);
        cJSON_free(theirs);
        cJSON_Delete(found);
    }
    cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct evd_wire_limits limits = {.max_frame = 65536, .max_depth = 8};
    struct evd_slice text = fuzz_input(data, size);
    unsigned first = fuzz_byte(&text);
    enum evd_role role = (first & 1) != 0 ? EVD_ROLE_CLIENT : EVD_ROLE_SERVER;
    struct evd_decoder decoder;
    struct evd_envelope envelope;
    evd_decoder_init(&decoder, &evd_transport_jsonl, role, &limits);
    int rc = evd_envelope_scan(&decoder, text, &envelope);
    if (rc < 0) {
        FUZZ_CHECK(rc == EVD_ERR_BAD_ENVELOPE || rc == EVD_ERR_BAD_ENCODING);
        FUZZ_CHECK(decoder.error.status == rc && decoder.error.text[0] != '\0');
        FUZZ_CHECK(envelope.id.kind != EVD_ID_TEXT || envelope.id.text.len <= EVD_ID_MAX);
        return 0;
    }
    if (role == EVD_ROLE_SERVER)
        check_call(text, &envelope);
    round_trip(&envelope, &evd_transport_jsonl, &evd_transport_jsonl, role);
    if (envelope.id.kind != EVD_ID_TEXT)
        round_trip(&envelope, &evd_transport_jsonl, &evd_transport_frame, role);
    return 0;
}
