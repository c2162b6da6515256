/* The control queue (virtio 1.2, 5.7.6.8). Every command is done when it is answered, so that a fence
 * (5.7.6.7) has nothing to wait for. */
#include <endian.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/gpu_device.h"

#define BATCH_BYTES MIB(16) /* copied in one go: others want the queue's lock, and the loop */
#define ENTRIES     64      /* that are read from the guest at once */

/* ---- Both queues ---- */

size_t gpu_request_read(const struct gpu *gpu, union gpu_request *request)
{
	memset(request, 0, sizeof(*request));
	return virtq_chain_read(&gpu->chain, 0, request, sizeof(*request));
}

static void reply_address(const union gpu_request *request, struct gpu_reply *reply, uint32_t type)
{
	reply->header.type = htole32(type);
	reply->header.flags = request->header.flags & htole32(VIRTIO_GPU_FLAG_FENCE);
	if (reply->header.flags) {
		reply->header.fence_id = request->header.fence_id;
		reply->header.ctx_id = request->header.ctx_id;
	}
}

void gpu_answer(struct gpu *gpu, unsigned queue, const union gpu_request *request, struct gpu_reply *reply,
		uint32_t type)
{
	struct virtio_device *device = &gpu->device;
	size_t written = 0;

	if (gpu->chain.writable_len < reply->size) {
		reply->size = sizeof(reply->header);
		if (type < VIRTIO_GPU_RESP_ERR_UNSPEC)
			type = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	}
	if (gpu->chain.writable_len < reply->size && queue == GPU_QUEUE_CONTROL) {
		virtio_device_broken(device, "a command has no room for its answer");
		return;
	}
	if (type >= VIRTIO_GPU_RESP_ERR_UNSPEC)
		counter_add(&virtio_queue_counters(device, queue)->errors, 1);
	reply_address(request, reply, type);
	if (gpu->chain.writable_len >= reply->size)
		written = virtq_chain_write(&gpu->chain, 0, &reply->header, reply->size);
	virtq_push(&device->queues[queue], gpu->chain.token, (uint32_t)written);
}

/* ---- Commands ---- */

static uint32_t run_display_info(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	(void)request;
	gpu_display_info(gpu, &reply->display_info);
	reply->size = sizeof(reply->display_info);
	return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

/* A display that is not plugged in has none to tell of. */
static uint32_t run_edid(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	uint32_t index = le32toh(request->get_edid.scanout);
	uint32_t width, height;

	if (!virtio_has(&gpu->device, VIRTIO_GPU_F_EDID))
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (index >= gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	if (gpu_head_size(gpu, index, &width, &height)) {
		gpu_edid_write(reply->edid.edid, index, width, height);
		reply->edid.size = htole32(GPU_EDID_SIZE);
	}
	reply->size = sizeof(reply->edid);
	return VIRTIO_GPU_RESP_OK_EDID;
}

static uint32_t run_create(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	uint32_t answer = gpu_resource_create(&gpu->resources, le32toh(request->create.resource_id),
					      le32toh(request->create.format), le32toh(request->create.width),
					      le32toh(request->create.height));

	(void)reply;
	if (answer == VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY)
		log_limited(&gpu->device.log_limit, LOG_LEVEL_WARNING,
			    "virtio gpu: a picture of %ux%u does not fit: %llu of %llu KiB of vram are taken",
			    le32toh(request->create.width), le32toh(request->create.height),
			    (unsigned long long)gpu->resources.used >> 10,
			    (unsigned long long)gpu->resources.limit >> 10);
	return answer;
}

static uint32_t run_unref(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	struct gpu_resource *resource =
		gpu_resource_find(&gpu->resources, le32toh(request->unref.resource_id));

	(void)reply;
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	gpu_scanouts_leave(gpu, resource->id);
	gpu_resource_destroy(&gpu->resources, resource);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t run_set_scanout(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	struct virtio_gpu_area area = gpu_area(&request->set_scanout.r);

	(void)reply;
	return gpu_scanout_set(gpu, le32toh(request->set_scanout.scanout_id),
			       le32toh(request->set_scanout.resource_id), &area);
}

static uint32_t run_flush(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	struct virtio_gpu_area area = gpu_area(&request->flush.r);
	const struct gpu_resource *resource =
		gpu_resource_find(&gpu->resources, le32toh(request->flush.resource_id));

	(void)reply;
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	return gpu_scanout_flush(gpu, resource, &area);
}

static uint32_t run_transfer(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	struct virtio_gpu_area area = gpu_area(&request->transfer.r);
	struct gpu_resource *resource =
		gpu_resource_find(&gpu->resources, le32toh(request->transfer.resource_id));
	uint32_t answer;

	(void)reply;
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	answer = gpu_resource_transfer(&gpu->resources, resource, &area, le64toh(request->transfer.offset));
	if (answer == VIRTIO_GPU_RESP_OK_NODATA)
		counter_add(&virtio_queue_counters(&gpu->device, GPU_QUEUE_CONTROL)->from_guest,
			    (uint64_t)area.width * area.height * VIRTIO_GPU_PIXEL);
	return answer;
}

/* The entries follow their command. */
static uint32_t backing_read(struct gpu *gpu, struct gpu_backing *backing)
{
	struct virtio_gpu_mem_entry entries[ENTRIES];
	size_t offset = sizeof(struct virtio_gpu_resource_attach_backing);

	for (unsigned i = 0; i < backing->count; i++) {
		const struct virtio_gpu_mem_entry *entry = &entries[i % ENTRIES];
		size_t wanted = MIN(backing->count - i, (unsigned)ENTRIES) * sizeof(*entry);

		if (i % ENTRIES == 0) {
			if (virtq_chain_read(&gpu->chain, offset, entries, wanted) != wanted)
				return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
			offset += wanted;
		}
		if (gpu_backing_add(backing, i, gpu->device.memory, le64toh(entry->addr),
				    le32toh(entry->length)) < 0)
			return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t run_attach(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	struct gpu_resource *resource =
		gpu_resource_find(&gpu->resources, le32toh(request->attach.resource_id));
	struct gpu_backing backing;
	uint32_t answer;

	(void)reply;
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (resource->backing.length)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	answer = gpu_backing_make(&gpu->resources, le32toh(request->attach.nr_entries), &backing);
	if (answer == VIRTIO_GPU_RESP_OK_NODATA)
		answer = backing_read(gpu, &backing);
	if (answer == VIRTIO_GPU_RESP_OK_NODATA)
		resource->backing = backing;
	else
		gpu_backing_drop(&gpu->resources, &backing);
	return answer;
}

static uint32_t run_detach(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply)
{
	struct gpu_resource *resource =
		gpu_resource_find(&gpu->resources, le32toh(request->detach.resource_id));

	(void)reply;
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!resource->backing.length)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	gpu_backing_drop(&gpu->resources, &resource->backing);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static const struct command {
	uint32_t type;
	uint32_t size; /* bytes of its request */
	uint32_t (*run)(struct gpu *gpu, const union gpu_request *request, struct gpu_reply *reply);
} commands[] = {
	{VIRTIO_GPU_CMD_GET_DISPLAY_INFO, sizeof(struct virtio_gpu_ctrl_hdr), run_display_info},
	{VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, sizeof(struct virtio_gpu_resource_create_2d), run_create},
	{VIRTIO_GPU_CMD_RESOURCE_UNREF, sizeof(struct virtio_gpu_resource_unref), run_unref},
	{VIRTIO_GPU_CMD_SET_SCANOUT, sizeof(struct virtio_gpu_set_scanout), run_set_scanout},
	{VIRTIO_GPU_CMD_RESOURCE_FLUSH, sizeof(struct virtio_gpu_resource_flush), run_flush},
	{VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, sizeof(struct virtio_gpu_transfer_to_host_2d), run_transfer},
	{VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, sizeof(struct virtio_gpu_resource_attach_backing),
	 run_attach},
	{VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, sizeof(struct virtio_gpu_resource_detach_backing),
	 run_detach},
	{VIRTIO_GPU_CMD_GET_EDID, sizeof(struct virtio_gpu_cmd_get_edid), run_edid},
};

static const struct command *command_find(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].type == type)
			return &commands[i];
	}
	return NULL;
}

static void command_serve(struct gpu *gpu)
{
	union gpu_request request;
	struct gpu_reply reply;
	size_t size = gpu_request_read(gpu, &request);
	const struct command *command = command_find(le32toh(request.header.type));
	uint32_t answer;

	gpu_reply_init(&reply);
	if (!command && size >= sizeof(request.header))
		answer = VIRTIO_GPU_RESP_ERR_UNSPEC;
	else if (!command || size < command->size)
		answer = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	else
		answer = command->run(gpu, &request, &reply);
	gpu_answer(gpu, GPU_QUEUE_CONTROL, &request, &reply, answer);
}

void gpu_control_serve(struct gpu *gpu)
{
	struct virtio_device *device = &gpu->device;
	_Atomic uint64_t *copied = &virtio_queue_counters(device, GPU_QUEUE_CONTROL)->from_guest;
	uint64_t enough = counter_read(copied) + BATCH_BYTES;
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(&device->queues[GPU_QUEUE_CONTROL]);
	while (virtio_device_live(device) &&
	       virtio_device_pop(device, GPU_QUEUE_CONTROL, &gpu->chain, &budget)) {
		command_serve(gpu);
		if (counter_read(copied) >= enough)
			budget = 0;
	}
	virtio_interrupt(device, GPU_QUEUE_CONTROL);
}
