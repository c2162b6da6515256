/* Routes whose bodies or answers are not the operation's own (routes.c): networks, disks, devices, metrics.
 * Internal to vmm/api. */
#pragma once

struct exchange;

void mode_put(struct exchange *exchange);
void networks_put(struct exchange *exchange);
void disks_list(struct exchange *exchange);
void disks_put(struct exchange *exchange);
void disks_patch(struct exchange *exchange);
void disks_delete(struct exchange *exchange);
void devices_put(struct exchange *exchange);
void guest_stats(struct exchange *exchange);
void task_cancel_begin(struct exchange *exchange);
void metrics_show(struct exchange *exchange);
