/* Limits of a VALID run that are looked at before its end, too. docs/MEASURING.md explains them. */
#ifndef LG_VERDICT_H
#define LG_VERDICT_H

#define LG_LATE_FLOOR_NS 250000 /* p99 of woke late; or a tenth of the median response */
#define LG_RATE_SLACK    10     /* replies: what the edges of a short window may cut */

#endif
