#include "vmm/config/virtio_driver.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

int virtio_driver_read(const struct json_place *place, struct virtio_driver *driver)
{
	static const char *const keys[] = {"packed", "event_idx", "in_order", "indirect", "iommu", NULL};
	bool event_index = true, in_order = true, indirect = true, iommu = false;
	struct json_place inner;
	int code = json_object(place, "driver", &inner);

	if (code < 0 || !inner.object)
		return code;
	if ((code = json_keys(&inner, keys)) < 0 ||
	    (code = json_bool(&inner, "packed", &driver->packed)) < 0 ||
	    (code = json_bool(&inner, "event_idx", &event_index)) < 0 ||
	    (code = json_bool(&inner, "in_order", &in_order)) < 0 ||
	    (code = json_bool(&inner, "indirect", &indirect)) < 0 ||
	    (code = json_bool(&inner, "iommu", &iommu)) < 0)
		return code;
	if (iommu)
		return json_error(&inner, "iommu", "cannot be had: there is no IOMMU");
	driver->no_event_index = !event_index;
	driver->no_in_order = !in_order;
	driver->no_indirect = !indirect;
	return 0;
}

uint64_t virtio_driver_withheld(const struct virtio_driver *driver)
{
	return (driver->packed ? 0 : 1ULL << VIRTIO_F_RING_PACKED) |
	       (driver->no_event_index ? 1ULL << VIRTIO_RING_F_EVENT_IDX : 0) |
	       (driver->no_in_order ? 1ULL << VIRTIO_F_IN_ORDER : 0) |
	       (driver->no_indirect ? 1ULL << VIRTIO_RING_F_INDIRECT_DESC : 0);
}
