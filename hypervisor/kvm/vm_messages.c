#include "hypervisor/kvm/vm_messages.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "hypervisor/x86_64/layout.h"

#define IOAPIC_LINES (LAYOUT_GSI_LAST + 1)
#define NOBODY       (-1)

void vm_messages_open(struct vm_messages *messages, const struct vm *vm)
{
	messages->vm = vm;
	pthread_mutex_init(&messages->lock, NULL);
	for (unsigned i = 0; i < VM_MESSAGES_MAX; i++)
		messages->lines[i] = (struct vm_message){.eventfd = NOBODY};
}

static struct vm_message *line_of(struct vm_messages *messages, int eventfd)
{
	for (unsigned i = 0; i < VM_MESSAGES_MAX; i++) {
		if (messages->lines[i].eventfd == eventfd)
			return &messages->lines[i];
	}
	return NULL;
}

static uint32_t gsi_of(const struct vm_messages *messages, const struct vm_message *line)
{
	return IOAPIC_LINES + (uint32_t)(line - messages->lines);
}

static struct kvm_irq_routing_entry ioapic_route(uint32_t gsi)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = {.irqchip = KVM_IRQCHIP_IOAPIC, .pin = gsi},
	};
}

static struct kvm_irq_routing_entry message_route(uint32_t gsi, const struct vm_message *line)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {.address_lo = (uint32_t)line->address,
			  .address_hi = (uint32_t)(line->address >> 32),
			  .data = line->data},
	};
}

static int table_write(struct vm_messages *messages)
{
	uint64_t space[(sizeof(struct kvm_irq_routing) +
			(IOAPIC_LINES + VM_MESSAGES_MAX) * sizeof(struct kvm_irq_routing_entry)) /
		       sizeof(uint64_t)] = {0};
	struct kvm_irq_routing *table = (struct kvm_irq_routing *)space;

	for (uint32_t gsi = 0; gsi < IOAPIC_LINES; gsi++)
		table->entries[table->nr++] = ioapic_route(gsi);
	for (unsigned i = 0; i < VM_MESSAGES_MAX; i++) {
		const struct vm_message *line = &messages->lines[i];

		if (line->eventfd != NOBODY)
			table->entries[table->nr++] = message_route(gsi_of(messages, line), line);
	}
	return ioctl(messages->vm->fd, KVM_SET_GSI_ROUTING, table) < 0 ? -errno : 0;
}

static int irqfd_set(const struct vm_messages *messages, const struct vm_message *line, bool bind)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)line->eventfd,
		.gsi = gsi_of(messages, line),
		.flags = bind ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	return ioctl(messages->vm->fd, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

static int line_bind(struct vm_messages *messages, struct vm_message message)
{
	struct vm_message *line = line_of(messages, NOBODY);
	int code;

	if (!line)
		return -ENOSPC;
	*line = message;
	code = table_write(messages);
	if (code == 0)
		code = irqfd_set(messages, line, true);
	if (code < 0)
		line->eventfd = NOBODY;
	return code;
}

int vm_messages_bind(struct vm_messages *messages, int eventfd, uint64_t address, uint32_t data)
{
	struct vm_message message = {.eventfd = eventfd, .address = address, .data = data};
	int code;

	pthread_mutex_lock(&messages->lock);
	code = line_bind(messages, message);
	pthread_mutex_unlock(&messages->lock);
	return code;
}

/* Its route stays in KVM's table until that is written next: no write of an eventfd comes to it. */
void vm_messages_unbind(struct vm_messages *messages, int eventfd)
{
	struct vm_message *line;

	pthread_mutex_lock(&messages->lock);
	line = line_of(messages, eventfd);
	if (line) {
		irqfd_set(messages, line, false);
		line->eventfd = NOBODY;
	}
	pthread_mutex_unlock(&messages->lock);
}
