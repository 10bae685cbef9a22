/* tests/unit/store/faultvfs.h - an SQLite VFS in memory that forgets what was not synced, as a machine does when its power
 * goes: each unsynced write may be there, be torn at a sector of 512 bytes, or be missing, in any combination.  And one
 * whose n-th change of the disk fails, whose disk is full, whose sync waits. */
#ifndef TEST_FAULTVFS_H
#define TEST_FAULTVFS_H

#include "core/base.h"

#define FAULTVFS "fault"
void fault_register(void);
void fault_format(void);                        /* an empty disk, no faults */
uint64_t fault_ops(void);                       /* writes, syncs, truncations, deletions, creations so far */
void fault_cut_at(uint64_t op);                 /* the power goes in the middle of that operation; 0: never */
void fault_power_on(uint64_t seed);             /* what the disk holds afterwards, by chance */
void fault_fail(uint64_t op, uint64_t times, int code);  /* operations [op, op + times) fail; code 0: none */
void fault_quota(int64_t bytes);                /* of all files together; -1: none */
int64_t fault_used(void);
void fault_hold_syncs(bool hold);               /* a sync does not return while held */
uint64_t fault_syncs_waiting(void);
size_t fault_file_size(const char *name_end);   /* of the file whose name ends so */

void fault_export(void);                        /* writes its files into the real file system, under the names they have */

#endif
