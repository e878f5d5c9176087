/* As much of Zephyr as the port uses: its names and signatures, in one thread of a process. */
#ifndef FAKE_ZEPHYR_KERNEL_H
#define FAKE_ZEPHYR_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define ARG_UNUSED(x) (void)(x)

typedef struct {
    int64_t ticks;
} k_timeout_t;
#define K_FOREVER ((k_timeout_t){-1})
#define K_MSEC(ms) ((k_timeout_t){ms})

struct k_sem {
    unsigned int count;
    unsigned int limit;
};
#define K_SEM_DEFINE(name, initial, most) struct k_sem name = {initial, most}
void k_sem_give(struct k_sem *sem);
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);

struct k_timer {
    void (*expired)(struct k_timer *timer);
    void (*stopped)(struct k_timer *timer);
};
#define K_TIMER_DEFINE(name, expiry, stop) struct k_timer name = {expiry, stop}
void k_timer_start(struct k_timer *timer, k_timeout_t duration, k_timeout_t period);

struct k_thread {
    struct {
        uintptr_t start;
        size_t size;
    } stack_info;
};
typedef struct k_thread *k_tid_t;
k_tid_t k_current_get(void);
int k_thread_stack_space_get(const struct k_thread *thread, size_t *unused);

uint32_t k_cycle_get_32(void);
int sys_clock_hw_cycles_per_sec(void);
unsigned int irq_lock(void);
void irq_unlock(unsigned int key);

#endif
