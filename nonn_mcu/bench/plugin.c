/* A plugin of QEMU's that counts, instruction by instruction, what runs between two places.
 *
 * Arguments: out=FILE, from=ADDRESS where a window opens, until=START:END where it closes, and
 * count=START:END, repeatable, of the code to be counted; numbers are hexadecimal. `from` is
 * repeatable too: the first of several addresses to be reached opens the window.
 *
 * At each close one window is appended to FILE: a uint32_t with the number of entries, then for
 * each instruction that ran its address (uint32_t), how often it ran (uint64_t) and how often
 * something else than the next instruction in memory ran after it (uint64_t), all in the host's
 * byte order. What interrupts run outside the counted ranges neither counts nor closes a window.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Version 1 of the plugin API, as much of it as is used here: Debian does not package its header.
 */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
typedef void (*translated_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*executed_t)(unsigned int vcpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated_t callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_t callback,
                                          enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed_t callback,
                                            enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
                                                enum qemu_plugin_op op, void *to, uint64_t amount);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))
#define MOST_RANGES 8
#define MOST_STARTS 32

typedef struct {
    uint64_t executed;
    uint64_t left; /* for another place than the next instruction in memory */
} counter;

typedef struct {
    uint64_t start;
    uint64_t end;
    counter *counters; /* one per halfword */
} range;

/* One translated block: it runs from its start to its end, straight. */
typedef struct {
    uint64_t start;
    uint64_t end;
    counter *last; /* the counter of its last instruction */
} block;

static range counted[MOST_RANGES];
static size_t ranges;
static uint64_t starts[MOST_STARTS];
static size_t start_count;
static uint64_t until_start, until_end;
static FILE *out;
static bool open_now;
static const block *before; /* the counted block that ran last */

static counter *counter_of(uint64_t address) {
    for (size_t i = 0; i < ranges; i++) {
        if (address >= counted[i].start && address < counted[i].end) {
            return &counted[i].counters[(address - counted[i].start) / 2];
        }
    }
    return NULL;
}

static void put(const void *data, size_t size) {
    if (fwrite(data, size, 1, out) != 1) {
        perror("the file of counts");
        exit(1);
    }
}

static void open_window(unsigned int vcpu, void *data) {
    (void)vcpu;
    (void)data;
    if (open_now) {
        return;
    }
    open_now = true;
    for (size_t i = 0; i < ranges; i++) {
        memset(counted[i].counters, 0,
               (counted[i].end - counted[i].start) / 2 * sizeof *counted[i].counters);
    }
}

static void close_window(unsigned int vcpu, void *data) {
    (void)vcpu;
    (void)data;
    if (!open_now) {
        return;
    }
    open_now = false;
    before->last->left++; /* the return */
    before = NULL;
    for (int writing = 0; writing < 2; writing++) {
        uint32_t entries = 0;
        for (size_t i = 0; i < ranges; i++) {
            for (uint64_t at = counted[i].start; at < counted[i].end; at += 2) {
                const counter *one = counter_of(at);
                if (one->executed == 0) {
                    continue;
                }
                entries++;
                if (writing) {
                    const uint32_t address = (uint32_t)at;
                    put(&address, sizeof address);
                    put(&one->executed, sizeof one->executed);
                    put(&one->left, sizeof one->left);
                }
            }
        }
        if (!writing) {
            put(&entries, sizeof entries);
        }
    }
    if (fflush(out) != 0) {
        perror("the file of counts");
        exit(1);
    }
}

static void enter_block(unsigned int vcpu, void *data) {
    (void)vcpu;
    const block *now = data;
    if (before != NULL && before->end != now->start) {
        before->last->left++;
    }
    before = now;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    const size_t count = qemu_plugin_tb_n_insns(tb);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        counter *counts = counter_of(address);
        for (size_t s = 0; s < start_count; s++) {
            if (address == starts[s]) { /* runs before the count of this very instruction */
                qemu_plugin_register_vcpu_insn_exec_cb(insn, open_window, QEMU_PLUGIN_CB_NO_REGS,
                                                       NULL);
            }
        }
        if (counts != NULL) {
            qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
                                                       &counts->executed, 1);
        } else if (address >= until_start && address < until_end) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, close_window, QEMU_PLUGIN_CB_NO_REGS,
                                                   NULL);
        }
    }
    struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, count - 1);
    const uint64_t last_address = qemu_plugin_insn_vaddr(last);
    block *made = malloc(sizeof *made); /* as long as the code that was translated */
    if (made == NULL) {
        abort();
    }
    made->start = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    made->end = last_address + qemu_plugin_insn_size(last);
    made->last = counter_of(last_address);
    if (made->last != NULL) {
        qemu_plugin_register_vcpu_tb_exec_cb(tb, enter_block, QEMU_PLUGIN_CB_NO_REGS, made);
    } else {
        free(made);
    }
}

static int argument(const char *text) {
    uint64_t start, end;
    if (strncmp(text, "out=", 4) == 0) {
        out = fopen(text + 4, "wb");
        return out != NULL;
    }
    if (sscanf(text, "from=%" SCNx64, &start) == 1 && start_count < MOST_STARTS) {
        starts[start_count++] = start;
        return 1;
    }
    if (sscanf(text, "until=%" SCNx64 ":%" SCNx64, &until_start, &until_end) == 2) {
        return 1;
    }
    if (sscanf(text, "count=%" SCNx64 ":%" SCNx64, &start, &end) == 2 && ranges < MOST_RANGES) {
        counter *counters = calloc((size_t)(end - start) / 2 + 1, sizeof *counters);
        counted[ranges++] = (range){start, end, counters};
        return counters != NULL;
    }
    return 0;
}

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!argument(argv[i])) {
            fprintf(stderr, "argument %s: not understood, or no room\n", argv[i]);
            return 1;
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return out == NULL;
}
