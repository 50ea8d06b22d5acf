/* A client's side of HTTP/1.1 (RFC 9110, RFC 9112), as a transport: a call is a GET of the path
 * that is its event, the answer is a reply with the body as data, or an error whose code is the
 * status. There is no id: answers come in the order of the calls (RFC 9112, 9.3.2), and
 * transport->ordered is set.
 *
 * Not among evd_transports[]: a server does not speak it by this interface (see http.h). */
#ifndef EVD_HTTP_GET_H
#define EVD_HTTP_GET_H

#include "transport.h"

/* The largest body that comes in several chunks; in one chunk, or with Content-Length, it may be as
 * large as max_frame allows. */
#define EVD_HTTP_GET_CHUNKS_MAX 512

/* encode(): event is the path, which must begin with '/' and have no byte that a path may not have
 * (EVD_ERR_BAD_EVENT); envelope is the value of Host, "" for "localhost"; id, codec and data are
 * left out. decode(), as EVD_ROLE_CLIENT: answers of 1xx are passed over; of 2xx are replies, all
 * others errors. The stream is broken behind an answer that cannot be read, that only the
 * connection's end would end, or that is larger than max_frame. */
extern const struct evd_transport evd_transport_http_get;

#endif
