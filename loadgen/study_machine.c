#include "study_machine.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of a small file, without its end; false when there is none. */
static bool first_line(const char *path, char *out, int cap)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool got = fgets(out, cap, file) != NULL;
    fclose(file);
    if (got)
        out[strcspn(out, "\n")] = '\0';
    return got;
}

/* The rest of the first line that starts with `key`, behind what separates them. */
static bool line_value(const char *path, const char *key, const char *separators, char *out,
                       size_t cap)
{
    FILE *file = fopen(path, "re");
    bool found = false;
    char line[4096];
    if (!file)
        return false;
    while (!found && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        char *value = line + strlen(key);
        value += strspn(value, separators);
        value[strcspn(value, "\n\"")] = '\0';
        snprintf(out, cap, "%s", value);
        found = true;
    }
    fclose(file);
    return found;
}

static void add_text(cJSON *object, const char *key, bool have, const char *text)
{
    if (have)
        cJSON_AddStringToObject(object, key, text);
    else
        cJSON_AddNullToObject(object, key);
}

static bool is_virtual(void)
{
    char flags[4096];
    if (!line_value("/proc/cpuinfo", "flags", "\t :", flags, sizeof(flags)))
        return false;
    for (char *save, *flag = strtok_r(flags, " ", &save); flag; flag = strtok_r(NULL, " ", &save))
        if (strcmp(flag, "hypervisor") == 0)
            return true;
    return false;
}

cJSON *lg_machine(unsigned server_cpu)
{
    cJSON *machine = cJSON_CreateObject();
    char text[256], path[128];
    struct utsname name;

    add_text(machine, "cpu", line_value("/proc/cpuinfo", "model name", "\t :", text, sizeof(text)),
             text);
    cJSON_AddNumberToObject(machine, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
    bool have = line_value("/proc/meminfo", "MemTotal:", " ", text, sizeof(text));
    cJSON_AddNumberToObject(machine, "memory_bytes", have ? strtod(text, NULL) * 1024 : 0);
    add_text(machine, "kernel", uname(&name) == 0, name.release);
    add_text(machine, "os", line_value("/etc/os-release", "PRETTY_NAME=", "\"", text, sizeof(text)),
             text);
    add_text(machine, "congestion",
             first_line("/proc/sys/net/ipv4/tcp_congestion_control", text, sizeof(text)), text);
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor",
             server_cpu);
    add_text(machine, "governor", first_line(path, text, sizeof(text)), text);
    add_text(machine, "clocksource",
             first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", text,
                        sizeof(text)),
             text);
    cJSON_AddBoolToObject(machine, "virtual", is_virtual());
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
             server_cpu);
    add_text(machine, "siblings", first_line(path, text, sizeof(text)), text);
    return machine;
}
