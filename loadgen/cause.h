/* Why a run is INVALID, as codes: "invalid_causes" of evdispatch.run/1, beside the sentences of
 * "invalid". Sentences may change, codes do not. */
#ifndef LG_CAUSE_H
#define LG_CAUSE_H

#define LG_CAUSE_BROKEN      "broken"      /* the run itself failed */
#define LG_CAUSE_INTERRUPTED "interrupted" /* it was stopped before its end */
#define LG_CAUSE_ACCOUNTING  "accounting"  /* what was scheduled is not the sum of the outcomes */
#define LG_CAUSE_UNSOLICITED "unsolicited" /* replies to nothing */
#define LG_CAUSE_ERRORS      "errors"      /* requests went wrong, or none was answered */
#define LG_CAUSE_RATE        "rate"        /* not what was asked for */
#define LG_CAUSE_LATE        "late"        /* the generator was */
#define LG_CAUSE_CLIENT_CPU  "client-cpu"  /* the generator's was full */
#define LG_CAUSE_WAIT        "cpu-wait"    /* generator or server waited for its CPU */
#define LG_CAUSE_STEAL       "steal"       /* the host took CPU time */
#define LG_CAUSE_RANGE       "range"       /* latencies above what the histogram holds */
#define LG_CAUSE_WARMUP      "warm-up"     /* it was not over: responses went up or down */
#define LG_CAUSE_SAMPLES     "samples"     /* too few responses for a quantile asked for */
#define LG_CAUSE_SERVER      "server"      /* it could not be sampled */

#endif
