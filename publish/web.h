/* publish/web.h - the dashboard's files, inside the program: no request ever names a path of the file system.
 * The array is made at build time by web/embed.c; path NULL ends it. */
#ifndef PUBLISH_WEB_H
#define PUBLISH_WEB_H

#include <stddef.h>

struct web_asset { const char *path, *type; const unsigned char *bytes; size_t len; const char *etag; };
extern const struct web_asset web_assets[];

#endif
