#include "transport.h"

const struct evd_transport *const evd_transports[] = {
#define EVD_TRANSPORT(ident) &evd_transport_##ident,
#include "transport.def"
#undef EVD_TRANSPORT
    NULL,
};

const struct evd_transport *evd_transport_by_name(struct evd_slice name)
{
    for (size_t i = 0; evd_transports[i] != NULL; i++)
        if (evd_slice_equal(name, evd_slice_text(evd_transports[i]->name)))
            return evd_transports[i];
    return NULL;
}

const struct evd_transport *evd_transport_by_first(unsigned char first_byte)
{
    for (size_t i = 0; evd_transports[i] != NULL; i++)
        if (evd_transports[i]->sniff(first_byte))
            return evd_transports[i];
    return NULL;
}

void evd_decoder_init(struct evd_decoder *decoder, const struct evd_transport *transport,
                      enum evd_role role, const struct evd_wire_limits *limits)
{
    *decoder = (struct evd_decoder){.state.transport = transport, .limits = *limits, .role = role};
}
