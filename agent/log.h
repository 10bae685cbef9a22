/* agent/log.h - what pued says: journald's priorities on stderr (sd-daemon(3)), one line a sentence, limited per cause. */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include "core/time.h"

enum { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTICE = 5, LOG_INFORM = 6 };
/* At most one line a cause and minute; what was held back is counted in the next line.  cause NULL: no limit. */
void log_line(int priority, const char *cause, struct mono now, const char *fmt, ...) PRINTF(4, 5);

#endif
