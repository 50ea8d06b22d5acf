/* What came of the comparisons of a study that tries the method: how many of them say that two
 * arms differ. Each is judged by lg_summary_make() as if its blocks were a study. */
#ifndef LG_REPORT_METHOD_H
#define LG_REPORT_METHOD_H

#include "report_summary.h"

/* The measures that are judged; the first one decides whether an effect is found. */
enum { LG_METHOD_CPU, LG_METHOD_RATE, LG_METHOD_MEASURES };

#define LG_METHOD_CHANCE 0.05  /* of equal arms to be told apart, at most: the level of the test */
#define LG_METHOD_TAIL   0.025 /* how often a method that holds it exceeds the limit */
#define LG_METHOD_POWER  0.8   /* of the comparisons, which are to find an effect */
#define LG_METHOD_LEAST  0.9   /* of the comparisons, which must have been possible */

struct lg_comparison {
    struct lg_interval ratio; /* of the other arm to the reference */
    double p;
    enum lg_verdict verdict;
    bool compared; /* it has an interval and a p */
};

struct lg_method_count {
    struct lg_comparison *comparisons; /* [planned] */
    unsigned compared;
    unsigned better, worse, equivalent; /* verdicts on the other arm; the rest is unresolved */
    double expected;   /* of these better or worse, if the arms are equal: at most so many */
    unsigned limit;    /* exceeded by as many in at most LG_METHOD_TAIL of equal arms' studies */
    double least_p;    /* how often equal arms make as many or more, with LG_METHOD_CHANCE each */
    double distance;   /* of the p from those of equal arms: Kolmogorov's; NaN: none compared */
    double distance_p; /* lg_kolmogorov_p(): an upper bound */
    double reach;      /* median of lg_detectable(); NaN: unknown */
};

enum lg_method_outcome { LG_METHOD_KEPT, LG_METHOD_BROKEN, LG_METHOD_UNKNOWN };

struct lg_method {
    unsigned planned, done; /* comparisons; of them with a trial of each arm in each block */
    size_t other;           /* the arm that is no reference */
    struct lg_method_count counts[LG_METHOD_MEASURES];
    enum lg_method_outcome outcome;
};

extern const enum lg_metric lg_method_metrics[LG_METHOD_MEASURES];

/* How many comparisons found what is there: the other arm is worse, as it does more. */
static inline unsigned lg_method_found(const struct lg_method_count *count)
{
    return count->worse;
}

/* The data are of a design with a method. They must outlive the result. EVD_ERR_NO_MEMORY. */
int lg_method_make(const struct lg_data *data, struct lg_method *ret_method);

void lg_method_release(struct lg_method *method);

/* What the p of equal arms would be at most `p` in: of the mean comparison, by its pairs. */
double lg_method_expected(const struct lg_method_count *count, double p);

/* The outcome in one sentence, to be freed; NULL without memory. `summary` is that of all blocks.
 */
char *lg_method_lead(const struct lg_method *method, const struct lg_summary *summary);

/* Of a study whose other arm takes steps more: how many of them come to `share` of the reference's
 * CPU time per call. EVD_ERR_BAD_DATA where the data do not tell. */
struct lg_calibration {
    double steps, call_ns, step_ns;
    struct lg_interval extra; /* ns a call, of the steps that were taken */
};

int lg_method_calibrate(const struct lg_summary *summary, double share,
                        struct lg_calibration *ret_calibration, struct evd_error *ret_error);

#endif
