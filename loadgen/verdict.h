/* Limits of a VALID run that are looked at elsewhere, too. docs/MEASURING.md explains them. */
#ifndef LG_VERDICT_H
#define LG_VERDICT_H

#define LG_LATE_FLOOR_NS    250000 /* p99 of woke late; or a tenth of the median response */
#define LG_CLIENT_SHARE_MAX 0.85   /* of a core, of the generator's busiest thread */
#define LG_RATE_TOLERANCE   0.01 /* of what fell due in the window: answers more or less than it */
#define LG_RATE_SLACK       10   /* replies: what the edges of a short window may cut */

#endif
