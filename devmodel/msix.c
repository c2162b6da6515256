#include "devmodel/msix.h"

#include <endian.h>
#include <linux/pci_regs.h>
#include <string.h>

enum entry_word {
	ENTRY_ADDRESS_LOW,
	ENTRY_ADDRESS_HIGH,
	ENTRY_DATA,
	ENTRY_CONTROL,
	ENTRY_WORDS,
};

void msix_init(struct msix *msix, unsigned count, struct irq_messages *messages)
{
	*msix = (struct msix){.messages = messages, .count = count};
	pthread_mutex_init(&msix->lock, NULL);
	for (unsigned i = 0; i < count; i++)
		msix->table[i][ENTRY_CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

void msix_close(struct msix *msix)
{
	pthread_mutex_destroy(&msix->lock);
}

void msix_capability(const struct msix *msix, uint32_t table, uint32_t pending,
		     uint8_t bytes[MSIX_CAPABILITY_SIZE - 2])
{
	uint16_t control = htole16((uint16_t)(msix->count - 1));

	/* the lowest bits of both offsets name the BAR: 0 */
	table = htole32(table);
	pending = htole32(pending);
	memcpy(bytes + PCI_MSIX_FLAGS - 2, &control, sizeof(control));
	memcpy(bytes + PCI_MSIX_TABLE - 2, &table, sizeof(table));
	memcpy(bytes + PCI_MSIX_PBA - 2, &pending, sizeof(pending));
}

static bool vector_is_masked(const struct msix *msix, unsigned vector)
{
	return msix->masked || msix->table[vector][ENTRY_CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static uint64_t entry_address(const uint32_t *entry)
{
	return (uint64_t)entry[ENTRY_ADDRESS_HIGH] << 32 | entry[ENTRY_ADDRESS_LOW];
}

static void vector_send(struct msix *msix, unsigned vector)
{
	const uint32_t *entry = msix->table[vector];

	msix->messages->send(msix->messages, entry_address(entry), entry[ENTRY_DATA]);
}

/* What waits and need not any more is sent. */
static void vector_send_pending(struct msix *msix, unsigned vector)
{
	uint64_t bit = 1ULL << vector;

	if (!msix->enabled || !(msix->pending & bit) || vector_is_masked(msix, vector))
		return;
	msix->pending &= ~bit;
	vector_send(msix, vector);
}

/* --- Calls --- */

static void call_unbind(struct msix *msix, struct msix_call *call)
{
	if (call->bound)
		msix->messages->unbind(msix->messages, call->eventfd);
	call->bound = false;
}

static void call_bind(struct msix *msix, struct msix_call *call)
{
	const uint32_t *entry = call->vector < msix->count ? msix->table[call->vector] : NULL;

	if (!entry || call->bound || !msix->messages->bind || !msix->enabled ||
	    vector_is_masked(msix, call->vector))
		return;
	call->bound = msix->messages->bind(msix->messages, call->eventfd, entry_address(entry),
					   entry[ENTRY_DATA]) == 0;
}

/* Before the vector's message, or whether it may be sent, changes. */
static void calls_unbind(struct msix *msix, unsigned vector)
{
	for (struct msix_call *call = msix->calls; call; call = call->next) {
		if (call->vector == vector)
			call_unbind(msix, call);
	}
}

static void calls_bind(struct msix *msix, unsigned vector)
{
	for (struct msix_call *call = msix->calls; call; call = call->next) {
		if (call->vector == vector)
			call_bind(msix, call);
	}
}

void msix_call_add(struct msix *msix, struct msix_call *call, int eventfd, unsigned vector)
{
	pthread_mutex_lock(&msix->lock);
	*call = (struct msix_call){.eventfd = eventfd, .vector = vector, .next = msix->calls};
	msix->calls = call;
	call_bind(msix, call);
	pthread_mutex_unlock(&msix->lock);
}

void msix_call_remove(struct msix *msix, struct msix_call *call)
{
	struct msix_call **at;

	pthread_mutex_lock(&msix->lock);
	for (at = &msix->calls; *at && *at != call;)
		at = &(*at)->next;
	if (*at) {
		*at = call->next;
		call_unbind(msix, call);
	}
	pthread_mutex_unlock(&msix->lock);
}

void msix_call_move(struct msix *msix, struct msix_call *call, unsigned vector)
{
	struct msix_call *at;

	pthread_mutex_lock(&msix->lock);
	for (at = msix->calls; at && at != call;)
		at = at->next;
	if (at) {
		call_unbind(msix, call);
		call->vector = vector;
		call_bind(msix, call);
	}
	pthread_mutex_unlock(&msix->lock);
}

/* --- What the guest writes --- */

void msix_control(struct msix *msix, uint16_t control)
{
	pthread_mutex_lock(&msix->lock);
	for (unsigned i = 0; i < msix->count; i++)
		calls_unbind(msix, i);
	__atomic_store_n(&msix->enabled, (control & PCI_MSIX_FLAGS_ENABLE) != 0, __ATOMIC_RELEASE);
	msix->masked = control & PCI_MSIX_FLAGS_MASKALL;
	if (!msix->enabled)
		msix->pending = 0;
	for (unsigned i = 0; i < msix->count; i++) {
		vector_send_pending(msix, i);
		calls_bind(msix, i);
	}
	pthread_mutex_unlock(&msix->lock);
}

bool msix_enabled(const struct msix *msix)
{
	return __atomic_load_n(&msix->enabled, __ATOMIC_ACQUIRE);
}

void msix_raise(struct msix *msix, unsigned vector)
{
	if (vector >= msix->count)
		return;
	pthread_mutex_lock(&msix->lock);
	if (msix->enabled && vector_is_masked(msix, vector))
		msix->pending |= 1ULL << vector;
	else if (msix->enabled)
		vector_send(msix, vector);
	pthread_mutex_unlock(&msix->lock);
}

static bool access_valid(uint64_t offset, uint32_t len)
{
	return (len == 4 || len == 8) && offset % len == 0;
}

void msix_table_read(struct msix *msix, uint64_t offset, uint8_t *data, uint32_t len)
{
	memset(data, 0, len);
	if (!access_valid(offset, len) || offset / MSIX_ENTRY_SIZE >= msix->count)
		return;
	pthread_mutex_lock(&msix->lock);
	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word =
			htole32(msix->table[offset / MSIX_ENTRY_SIZE][(offset + i) % MSIX_ENTRY_SIZE / 4]);

		memcpy(data + i, &word, sizeof(word));
	}
	pthread_mutex_unlock(&msix->lock);
}

/* 6.8.2.9: all bits of the control word but the mask are reserved, and so are the lowest two of the address.
 */
static uint32_t entry_word_bits(unsigned index)
{
	switch (index) {
	case ENTRY_ADDRESS_LOW:
		return ~3U;
	case ENTRY_CONTROL:
		return PCI_MSIX_ENTRY_CTRL_MASKBIT;
	default:
		return UINT32_MAX;
	}
}

void msix_table_write(struct msix *msix, uint64_t offset, const uint8_t *data, uint32_t len)
{
	unsigned vector = (unsigned)(offset / MSIX_ENTRY_SIZE);

	if (!access_valid(offset, len) || offset / MSIX_ENTRY_SIZE >= msix->count)
		return;
	pthread_mutex_lock(&msix->lock);
	calls_unbind(msix, vector);
	for (uint32_t i = 0; i < len; i += 4) {
		unsigned index = (unsigned)((offset + i) % MSIX_ENTRY_SIZE / 4);
		uint32_t word;

		memcpy(&word, data + i, sizeof(word));
		msix->table[vector][index] = le32toh(word) & entry_word_bits(index);
	}
	vector_send_pending(msix, vector);
	calls_bind(msix, vector);
	pthread_mutex_unlock(&msix->lock);
}

void msix_pending_read(struct msix *msix, uint64_t offset, uint8_t *data, uint32_t len)
{
	uint64_t bits;

	memset(data, 0, len);
	if (!access_valid(offset, len) || offset >= sizeof(bits))
		return;
	pthread_mutex_lock(&msix->lock);
	bits = htole64(msix->pending >> (8 * offset));
	pthread_mutex_unlock(&msix->lock);
	memcpy(data, &bits, len);
}
