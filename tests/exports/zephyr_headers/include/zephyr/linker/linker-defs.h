#ifndef FAKE_ZEPHYR_LINKER_DEFS_H
#define FAKE_ZEPHYR_LINKER_DEFS_H

/* The host's linker has one of this name as well. */
#define __bss_start fake_bss_start

extern char __bss_start[];
extern char __bss_end[];
extern char __data_region_start[];
extern char __data_region_end[];

#endif
