/* libnvidia-ml.so.1 for machines without a driver: answers what nvidia-ml-py asks for, from the text file $NVML_STUB.
 *
 * The file is read at every call, so that a test can change it meanwhile:
 *   gpu UUID NAME TOTAL RESERVED USED RISE MIG        sizes in bytes; USED grows by RISE with each memory question
 *   mig PARENT UUID TOTAL USED                        a slice of GPU number PARENT
 *   proc UUID PID BYTES                               BYTES -1: NVML_VALUE_NOT_AVAILABLE, as under WSL
 *   fail FUNCTION CODE AFTER                          FUNCTION answers CODE once it was called AFTER times
 * Signatures, codes and structures are those of NVIDIA's public nvml.h. With -DOLD what drivers before R510 lack is
 * left out (the third version of the process list, and the second of the memory).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long u64;
typedef struct { char uuid[64], name[96]; u64 total, reserved, used, rise; int mig, parent; } Device;
typedef struct { u64 total, free, used; } Memory;
typedef struct { unsigned version; u64 total, reserved, free, used; } Memory2;
typedef struct { unsigned pid; u64 bytes; unsigned gi, ci; } Process;
enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7 };

static struct { char name[64]; unsigned count; } calls[32];
static char line[512], handles[16][64];  /* a handle is a pointer to its UUID */

static FILE *script(void) {
    const char *path = getenv("NVML_STUB");
    return path ? fopen(path, "r") : NULL;
}

static unsigned counted(const char *name) {
    for (int i = 0; i < 32; i++) {
        if (!calls[i].name[0]) strncpy(calls[i].name, name, 63);
        if (!strcmp(calls[i].name, name)) return calls[i].count++;
    }
    return 0;
}

static int failing(const char *name) {
    char which[64]; int code, found = OK;
    unsigned after, count = counted(name);
    FILE *file = script();
    if (!file) return 9;  /* DRIVER_NOT_LOADED */
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "fail %63s %d %u", which, &code, &after) == 3 && !strcmp(which, name) && count >= after)
            found = code;
    fclose(file);
    return found;
}

/* The n-th GPU, or with parent >= 0 the n-th slice of one, or with uuid the device that has it. */
static int device(const char *uuid, int parent, int n, Device *out) {
    Device d; int gpus = 0, slices = 0, found = NOT_FOUND;
    FILE *file = script();
    while (file && found && fgets(line, sizeof line, file)) {
        memset(&d, 0, sizeof d);
        d.parent = -1;
        int gpu = sscanf(line, "gpu %63s %95s %llu %llu %llu %llu %d", d.uuid, d.name, &d.total, &d.reserved, &d.used,
                         &d.rise, &d.mig) == 7;
        int mig = !gpu && sscanf(line, "mig %d %63s %llu %llu", &d.parent, d.uuid, &d.total, &d.used) == 4;
        if (!gpu && !mig) continue;
        if (uuid ? !strcmp(uuid, d.uuid) : parent < 0 ? gpu && gpus == n : mig && d.parent == parent && slices == n)
            *out = d, found = OK;
        gpus += gpu;
        slices += mig && d.parent == parent;
    }
    if (file) fclose(file);
    return found;
}

static int handle(const Device *d, void **out) {
    for (int i = 0; i < 16; i++) {
        if (!handles[i][0]) strcpy(handles[i], d->uuid);
        if (!strcmp(handles[i], d->uuid)) return *out = handles[i], OK;
    }
    return INVALID;
}

#define TRY(name) { int code = failing(name); if (code) return code; }
#define DEVICE(d, h) Device d; { int code = device((const char *)h, -1, 0, &d); if (code) return code; }

int nvmlInitWithFlags(unsigned flags) { (void)flags; return failing("nvmlInitWithFlags"); }
int nvmlSystemGetDriverVersion(char *out, unsigned n) { snprintf(out, n, "580.65.06"); return OK; }
int nvmlDeviceGetCount_v2(unsigned *out) {
    TRY("nvmlDeviceGetCount_v2") Device d; *out = 0;
    while (!device(NULL, -1, (int)*out, &d)) ++*out;
    return OK;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned n, void **out) {
    TRY("nvmlDeviceGetHandleByIndex_v2") Device d;
    return device(NULL, -1, (int)n, &d) ? INVALID : handle(&d, out);
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **out) {
    TRY("nvmlDeviceGetHandleByUUID") DEVICE(d, uuid) return handle(&d, out);
}
int nvmlDeviceGetName(void *h, char *out, unsigned size) {
    TRY("nvmlDeviceGetName") DEVICE(d, h)
    snprintf(out, size, "%s", d.parent < 0 ? d.name : "MIG_slice");
    for (char *at = out; *at; at++) if (*at == '_') *at = ' ';
    return OK;
}
int nvmlDeviceGetUUID(void *h, char *out, unsigned size) { snprintf(out, size, "%s", (char *)h); return OK; }
int nvmlDeviceGetMigMode(void *h, unsigned *current, unsigned *pending) {
    DEVICE(d, h) if (d.mig < 0) return NOT_SUPPORTED; *current = *pending = (unsigned)d.mig; return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(void *h, unsigned *out) { (void)h; *out = 7; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *h, unsigned n, void **out) {
    Device d, parent; int at = 0;
    while (!device(NULL, -1, at, &parent) && strcmp(parent.uuid, (char *)h)) at++;
    return device(NULL, at, (int)n, &d) ? NOT_FOUND : handle(&d, out);
}

static u64 used(const Device *d, unsigned count) {
    u64 most = d->total - d->reserved, now = d->used + d->rise * count; return now < most ? now : most;
}
int nvmlDeviceGetMemoryInfo(void *h, Memory *out) {  /* here `used` holds what the driver reserves */
    unsigned count = counted("memory");
    TRY("nvmlDeviceGetMemoryInfo") DEVICE(d, h)
    out->total = d.total, out->used = d.reserved + used(&d, count), out->free = d.total - out->used;
    return OK;
}
#ifdef OLD
#define LIST "nvmlDeviceGetComputeRunningProcesses_v2"
int nvmlDeviceGetComputeRunningProcesses_v2(void *h, unsigned *count, Process *out) {
#else
int nvmlDeviceGetMemoryInfo_v2(void *h, Memory2 *out) {
    unsigned count = counted("memory");
    TRY("nvmlDeviceGetMemoryInfo_v2") DEVICE(d, h)
    if (out->version != 0x02000028) return 25;  /* ARGUMENT_VERSION_MISMATCH */
    out->total = d.total, out->reserved = d.reserved, out->used = used(&d, count);
    out->free = d.total - d.reserved - out->used;
    return OK;
}
#define LIST "nvmlDeviceGetComputeRunningProcesses_v3"
int nvmlDeviceGetComputeRunningProcesses_v3(void *h, unsigned *count, Process *out) {
#endif
    TRY(LIST) DEVICE(d, h)
    char uuid[64];
    unsigned found = 0, room = *count, pid;
    long long bytes;
    FILE *file = script();
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "proc %63s %u %lld", uuid, &pid, &bytes) == 3 && !strcmp(uuid, d.uuid)) {
            if (out && found < room) out[found] = (Process){pid, (u64)bytes, ~0u, ~0u};
            found++;
        }
    if (file) fclose(file);
    *count = found;
    return found > room ? TOO_SMALL : OK;
}
