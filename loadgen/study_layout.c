#include "study_layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int lg_layout_path(const struct lg_study_options *options, unsigned layout, char out[LG_PATH_MAX],
                   struct evd_error *ret_error)
{
    const char *server = options->server, *slash = strrchr(server, '/');
    char relative[LG_PATH_MAX];
    int len = layout == 0 ? snprintf(out, LG_PATH_MAX, "%s", server)
                          : snprintf(relative, sizeof(relative), "../layouts/%s-%u",
                                     slash ? slash + 1 : server, layout);
    if (len >= LG_PATH_MAX)
        return evd_error_set(ret_error, EVD_ERR_TOO_LARGE, "the path '%.60s...' is too long",
                             server);
    return layout == 0 ? EVD_OK : lg_path_beside_file(server, relative, out, ret_error);
}

int lg_layouts_check(const struct lg_study_options *options, struct evd_error *ret_error)
{
    const struct lg_design *design = options->design;
    char path[LG_PATH_MAX];
    for (unsigned layout = 1; layout <= lg_layouts_used(design); layout++) {
        int rc = lg_layout_path(options, layout, path, ret_error);
        if (rc != EVD_OK)
            return rc;
        if (access(path, X_OK) != 0)
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "the design asks for %u layouts of the server, and '%s' cannot be "
                                 "run: %s; --one-layout does without them; the target "
                                 "evd_server_layouts makes them, as "
                                 "./evdispatch study does, and evd_add_server(... LAYOUTS %u) "
                                 "those of a server of your own",
                                 design->layouts, path, strerror(errno), design->layouts);
    }
    return EVD_OK;
}
