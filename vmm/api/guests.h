/* Routes of guests that are more than an operation (routes.c): their list and their definitions. Internal to
 * vmm/api. */
#pragma once

struct exchange;

void guests_list(struct exchange *exchange);
void guests_show(struct exchange *exchange);
void guests_put(struct exchange *exchange);
void guests_patch(struct exchange *exchange);
void guests_delete(struct exchange *exchange);
