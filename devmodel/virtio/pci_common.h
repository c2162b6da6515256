/*
 * The common configuration of a virtio PCI function (virtio 1.2, 4.1.4.3): status, features, and the queues'
 * set-up. Part of pci.c, whose locks it takes.
 */
#pragma once

#include "devmodel/virtio/pci.h"

#define VIRTIO_PCI_COMMON_SIZE 0x3c /* through queue_reset */

/* Any offset and length: what is no field reads as 0 and is ignored. */
void virtio_pci_common_load(struct virtio_pci *pci, uint64_t offset, uint8_t *data, uint32_t len);
void virtio_pci_common_store(struct virtio_pci *pci, uint64_t offset, const uint8_t *data, uint32_t len);
/* Selectors and vectors as they are after a reset. */
void virtio_pci_selection_reset(struct virtio_pci *pci);

/* The interrupt status, which is clear afterwards (4.1.4.5); of pci.c. */
uint8_t virtio_pci_isr_take(struct virtio_pci *pci);
