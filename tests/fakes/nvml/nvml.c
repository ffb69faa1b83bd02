/* Stands in for libnvidia-ml.so.1 so that the real pynvml can be exercised without a card.
 *
 *   cc -shared -fPIC -o DIR/libnvidia-ml.so.1 nvml.c
 *   YCDY_NVML_SCENARIO=FILE LD_LIBRARY_PATH=DIR program
 *
 * FILE has lines KEY=VALUE. A card's keys begin with its number, an instance's with CARD.mig.SLOT: 0.name=Tesla T4,
 * 0.mig.1.uuid=MIG-5. The value `error:N` makes that call return N; a key that is not there means "not supported".
 * -DWITHOUT_MEMORY_V2 leaves out what drivers before 510 lack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7 };

typedef struct { char prefix[32]; } Device;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;
typedef struct { unsigned gpu, memory; } Utilization;

static Device devices[64][17]; /* [card][0] is the card, [card][1 + slot] an instance */

static int lookup(const char *key, char *value, size_t size) {
    const char *path = getenv("YCDY_NVML_SCENARIO");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[512];
    size_t length = strlen(key);
    int found = 0;
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, key, length) && line[length] == '=') {
            snprintf(value, size, "%s", line + length + 1);
            found = 1;
        }
    }
    if (file) fclose(file);
    return found;
}

static int text(const char *prefix, const char *name, char *value, size_t size) {
    char key[80], lost[80];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    snprintf(lost, sizeof lost, "%sfails", prefix); /* every call on this device fails with that code */
    if (*prefix && lookup(lost, value, size)) return atoi(value);
    if (!lookup(key, value, size)) return NOT_SUPPORTED;
    return strncmp(value, "error:", 6) ? OK : atoi(value + 6);
}

static int number(const char *prefix, const char *name, unsigned long long *answer) {
    char value[256];
    int code = text(prefix, name, value, sizeof value);
    if (code == OK) *answer = strtoull(value, NULL, 10);
    return code;
}

static int small(Device *device, const char *name, unsigned *answer) {
    unsigned long long wide;
    int code = number(device->prefix, name, &wide);
    if (code == OK) *answer = (unsigned)wide;
    return code;
}

int nvmlInitWithFlags(unsigned flags) {
    unsigned long long code = OK;
    (void)flags;
    number("", "init", &code);
    return (int)code;
}
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) {
    switch (code) {
    case 9: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

int nvmlSystemGetDriverVersion(char *version, unsigned size) { return text("", "driver", version, size); }
int nvmlSystemGetCudaDriverVersion(int *version) {
    unsigned long long wide;
    int code = number("", "cuda", &wide);
    if (code == OK) *version = (int)wide;
    return code;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    unsigned long long wide = 0;
    number("", "count", &wide);
    *count = (unsigned)wide;
    return OK;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned card, Device **device) {
    unsigned long long code = OK;
    char prefix[16];
    if (card >= 64) return INVALID;
    snprintf(prefix, sizeof prefix, "%u.", card);
    if (number(prefix, "handle", &code) == OK && code) return (int)code;
    *device = &devices[card][0];
    strcpy((*device)->prefix, prefix);
    return OK;
}
int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    int code = small(device, "mig", current);
    *pending = *current;
    return code;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *count) {
    (void)device;
    *count = 7;
    return OK;
}
int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned slot, Device **instance) {
    char prefix[32], value[256];
    unsigned card = (unsigned)atoi(device->prefix);
    if (slot >= 16) return INVALID;
    snprintf(prefix, sizeof prefix, "%u.mig.%u.", card, slot);
    if (text(prefix, "uuid", value, sizeof value) != OK) return NOT_FOUND;
    *instance = &devices[card][1 + slot];
    strcpy((*instance)->prefix, prefix);
    return OK;
}

int nvmlDeviceGetName(Device *device, char *name, unsigned size) { return text(device->prefix, "name", name, size); }
int nvmlDeviceGetUUID(Device *device, char *uuid, unsigned size) { return text(device->prefix, "uuid", uuid, size); }

static int memory(Device *device, MemoryV2 *memory) {
    int code = number(device->prefix, "total", &memory->total);
    if (code != OK) return code;
    if (number(device->prefix, "reserved", &memory->reserved) != OK) memory->reserved = 0;
    if (number(device->prefix, "free", &memory->free) != OK) memory->free = memory->total - memory->reserved;
    memory->used = memory->total - memory->reserved - memory->free;
    return OK;
}
int nvmlDeviceGetMemoryInfo(Device *device, Memory *answer) {
    MemoryV2 wide;
    int code = memory(device, &wide);
    if (code != OK) return code;
    answer->total = wide.total;
    answer->free = wide.free;
    answer->used = wide.used + wide.reserved;
    return OK;
}
#ifndef WITHOUT_MEMORY_V2
int nvmlDeviceGetMemoryInfo_v2(Device *device, MemoryV2 *answer) {
    if (answer->version != 0x02000028) return 25;
    return memory(device, answer);
}
#endif

int nvmlDeviceGetCudaComputeCapability(Device *device, int *major, int *minor) {
    char value[32];
    int code = text(device->prefix, "capability", value, sizeof value);
    if (code == OK) sscanf(value, "%d.%d", major, minor);
    return code;
}

/* Processes are written as PID:BYTES PID:BYTES; without bytes the answer is "not available". */
static int processes(Device *device, const char *name, unsigned *count, Process *list) {
    char value[256], *rest, *word;
    unsigned room = *count, at = 0;
    int code = text(device->prefix, name, value, sizeof value);
    *count = 0;
    if (code == NOT_SUPPORTED) return OK;
    if (code != OK) return code;
    for (word = strtok_r(value, " ", &rest); word; word = strtok_r(NULL, " ", &rest), at++) {
        char *bytes = strchr(word, ':');
        if (at >= room) continue;
        list[at].pid = (unsigned)atoi(word);
        list[at].used = bytes ? strtoull(bytes + 1, NULL, 10) : ~0ULL;
        list[at].gpu_instance = list[at].compute_instance = ~0U;
    }
    *count = at;
    return at > room ? TOO_SMALL : OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, Process *list) {
    return processes(device, "processes", count, list);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(Device *device, unsigned *count, Process *list) {
    return processes(device, "graphics", count, list);
}

int nvmlDeviceGetUtilizationRates(Device *device, Utilization *rates) {
    rates->memory = 0;
    return small(device, "percent", &rates->gpu);
}
int nvmlDeviceGetTemperature(Device *device, unsigned sensor, unsigned *celsius) {
    (void)sensor;
    return small(device, "celsius", celsius);
}
int nvmlDeviceGetPowerUsage(Device *device, unsigned *milliwatts) { return small(device, "milliwatts", milliwatts); }
