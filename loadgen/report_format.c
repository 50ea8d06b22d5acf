#include "report_format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Puts a comma before every third digit in front of the point. */
static void group_digits(const char *plain, char *out)
{
    size_t digits = strspn(plain[0] == '-' ? plain + 1 : plain, "0123456789");
    size_t len = 0;
    if (*plain == '-')
        out[len++] = *plain++;
    for (size_t i = 0; i < digits; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            out[len++] = ',';
        out[len++] = plain[i];
    }
    snprintf(out + len, LG_PRINT_MAX - len, "%s", plain + digits);
}

/* The decimals that make three significant digits: 0 for 123, 1 for 12.3, 2 for 1.23. */
static int decimals_of(double value)
{
    double size = fabs(value);
    if (!(size >= 1e-9 && isfinite(size)))
        return 0;
    int decimals = 2 - (int)floor(log10(size));
    /* 9.996 rounds to 10.0, not to 10.00. */
    if (decimals >= 0 && round(size * pow(10, decimals)) >= 1000)
        decimals--;
    return decimals < 0 ? 0 : decimals > 8 ? 8 : decimals;
}

static const char *print_decimals(double value, int decimals, char *out)
{
    char plain[LG_PRINT_MAX / 2];
    if (!isfinite(value) || fabs(value) > 1e18)
        return strcpy(out, "-");
    snprintf(plain, sizeof(plain), "%.*f", decimals, value);
    group_digits(plain, out);
    return out;
}

const char *lg_print_number(double value, char *out)
{
    return print_decimals(value, decimals_of(value), out);
}

const char *lg_print_count(double value, char *out)
{
    return print_decimals(value, 0, out);
}

const char *lg_print_tic(double value, char *out)
{
    int decimals = value >= 0.999 ? 0 : (int)ceil(-log10(value) - 1e-9);
    return print_decimals(value, decimals, out);
}

const char *lg_print_size(double bytes, char *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    char number[LG_PRINT_MAX];
    size_t unit = 0;
    if (!isfinite(bytes))
        return strcpy(out, "-");
    for (; bytes >= 1024 && unit < 3; unit++)
        bytes /= 1024;
    if (floor(bytes) == bytes)
        lg_print_count(bytes, number);
    else
        lg_print_number(bytes, number);
    snprintf(out, LG_PRINT_MAX, "%.40s %s", number, units[unit]);
    return out;
}

struct scale {
    double factor;
    const char *suffix;
    int decimals;
};

/* How a value of this size is written: also for what stands beside it. */
static struct scale scale_of(double value, enum lg_unit unit)
{
    struct scale scale = {1, "", 0};
    switch (unit) {
    case LG_UNIT_RATE:
        scale = fabs(value) >= 999500  ? (struct scale){1e-6, " M/s", 0}
                : fabs(value) >= 999.5 ? (struct scale){1e-3, " k/s", 0}
                                       : (struct scale){1, "/s", 0};
        break;
    case LG_UNIT_US:
        scale = (struct scale){1e-3, " µs", 0};
        break;
    case LG_UNIT_MS:
        scale = (struct scale){1e-6, " ms", 0};
        break;
    case LG_UNIT_MIB:
        scale = (struct scale){1.0 / 1048576, " MiB", 0};
        break;
    case LG_UNIT_NS:
        scale = fabs(value) >= 9.9995e6 ? (struct scale){1e-6, " ms", 0}
                : fabs(value) >= 9999.5 ? (struct scale){1e-3, " µs", 0}
                                        : (struct scale){1, " ns", 0};
        break;
    case LG_UNIT_TIME:
        scale = fabs(value) >= 999.5e6   ? (struct scale){1e-9, " s", 0}
                : fabs(value) >= 999.5e3 ? (struct scale){1e-6, " ms", 0}
                : fabs(value) >= 999.5   ? (struct scale){1e-3, " µs", 0}
                                         : (struct scale){1, " ns", 0};
        break;
    case LG_UNIT_GBS:
        scale.suffix = " GB/s";
        break;
    case LG_UNIT_RATIO:
        break;
    }
    scale.decimals = decimals_of(value * scale.factor);
    /* Ratios stand around 1: there 0.98 and 1.02 want the same number of decimals. */
    if (unit == LG_UNIT_RATIO && fabs(value) >= 0.1 && fabs(value) < 9.9995)
        scale.decimals = 3;
    return scale;
}

const char *lg_print_value(double value, enum lg_unit unit, char *out)
{
    if (!isfinite(value))
        return strcpy(out, "-");
    struct scale scale = scale_of(value, unit);
    print_decimals(value * scale.factor, scale.decimals, out);
    size_t len = strlen(out);
    snprintf(out + len, LG_PRINT_MAX - len, "%s", scale.suffix);
    return out;
}

const char *lg_print_bounds(const struct lg_interval *interval, enum lg_unit unit, char *out)
{
    char low[LG_PRINT_MAX], high[LG_PRINT_MAX];
    out[0] = '\0';
    if (!interval->bounded)
        return out;
    struct scale scale = scale_of(interval->estimate, unit);
    print_decimals(interval->low * scale.factor, scale.decimals, low);
    print_decimals(interval->high * scale.factor, scale.decimals, high);
    snprintf(out, LG_PRINT_MAX, "[%.28s, %.28s]", low, high);
    return out;
}

void lg_print_figure(const struct lg_interval *interval, char *ret_value, char *ret_bounds)
{
    char low[LG_PRINT_MAX], high[LG_PRINT_MAX];
    int decimals = decimals_of(interval->estimate);
    print_decimals(interval->estimate, decimals, ret_value);
    ret_bounds[0] = '\0';
    if (!interval->bounded)
        return;
    print_decimals(interval->low, decimals, low);
    print_decimals(interval->high, decimals, high);
    snprintf(ret_bounds, LG_PRINT_MAX, "[%.28s, %.28s]", low, high);
}

static double largest_of(const struct lg_interval *interval)
{
    double largest = fabs(interval->estimate);
    if (interval->bounded)
        largest = fmax(largest, fmax(fabs(interval->low), fabs(interval->high)));
    return largest;
}

void lg_print_difference_ns(const struct lg_interval *interval, char *ret_value, char *ret_bounds)
{
    char number[LG_PRINT_MAX], low[LG_PRINT_MAX], high[LG_PRINT_MAX];
    bool small = largest_of(interval) < 9999.5;
    double factor = small ? 1 : 1e-3, value = interval->estimate * factor;
    int decimals = decimals_of(largest_of(interval) * factor);
    ret_bounds[0] = '\0';
    print_decimals(value, decimals, number);
    snprintf(ret_value, LG_PRINT_MAX, "%s%.40s%s", value > 0 ? "+" : "", number,
             small ? " ns" : " µs");
    if (!interval->bounded)
        return;
    print_decimals(interval->low * factor, decimals, low);
    print_decimals(interval->high * factor, decimals, high);
    snprintf(ret_bounds, LG_PRINT_MAX, "[%.28s, %.28s]", low, high);
}

const char *lg_print_change(double ratio, const char *above, const char *below, char *out)
{
    char number[LG_PRINT_MAX];
    const char *word = ratio >= 1 ? above : below;
    double times = ratio >= 1 ? ratio : 1 / ratio;
    if (times >= 2)
        snprintf(out, LG_PRINT_MAX, "%.20s times %s",
                 times < 9.95 ? print_decimals(times, 1, number) : print_decimals(times, 0, number),
                 word);
    else
        snprintf(out, LG_PRINT_MAX, "%.20s %% %s", print_decimals(fabs(ratio - 1) * 100, 1, number),
                 word);
    return out;
}

const char *lg_print_share(double share, char *out)
{
    char number[LG_PRINT_MAX];
    double percent = share * 100;
    if (fabs(percent) < 0.005)
        return strcpy(out, "0 %");
    print_decimals(percent, fabs(percent) >= 9.95 ? 0 : fabs(percent) >= 0.995 ? 1 : 2, number);
    snprintf(out, LG_PRINT_MAX, "%.40s %%", number);
    return out;
}
