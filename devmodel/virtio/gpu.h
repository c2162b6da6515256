/*
 * virtio GPU device, 2D (virtio 1.2, 5.7): a guest draws pictures into its own memory, has them copied into
 * resources of the host, and says which of them its displays ("scanouts", 5.7.1) show.
 *
 *      gpu.c           the device: its queues, its configuration, its life
 *      gpu_command.c   what the driver asks for on the control queue
 *      gpu_cursor.c    what it asks for on the cursor queue
 *      gpu_scanout.c   what each display shows, and what the guest is told of it
 *      gpu_resource.c  pictures: the host's memory, and which of the guest's is behind it
 *      gpu_edid.c      what a monitor says of itself
 *      gpu_device.h    what these files share
 *
 *      guest's pages --TRANSFER--> resource (memfd) --SET_SCANOUT--> struct virtio_gpu_display
 *                                                   --FLUSH------->
 *
 * Who shows the displays embeds struct virtio_gpu_display; without one (NULL) the guest draws for nobody.
 * Every resource is a memfd of its own, sealed against any change of its size, so that another process can
 * map it and need not fear SIGBUS; what is in it is the guest's, and may change while it is looked at.
 *
 * Bounds: all resources together take no more of the host's memory than `vram`, and there are no more of them
 * than VIRTIO_GPU_RESOURCES_MAX: beyond either the guest gets ERR_OUT_OF_MEMORY. No side is longer than
 * VIRTIO_GPU_SIDE_MAX. A pixel is 4 bytes in all formats. Neither 3D nor blob resources are offered, and
 * their commands are answered with ERR_UNSPEC.
 *
 * Threads: the operations of struct virtio_gpu_display are called on the loop that the device was made with,
 * with locks of the device held: they must not block and must not call the device. A guest that resets its
 * device does so on another thread; its displays' going off comes on the loop all the same, before anything
 * that the next driver does. None is called after, nor by, virtio_device_destroy.
 */
#pragma once

#include "devmodel/virtio/device.h"

#define VIRTIO_GPU_HEADS_MAX      16    /* 5.7.4: VIRTIO_GPU_MAX_SCANOUTS */
#define VIRTIO_GPU_CURSOR_SIDE    64    /* pixels: 5.7.6.10, a pointer's picture is 64x64 */
#define VIRTIO_GPU_SIDE_MAX       16384 /* pixels of a resource, each way */
#define VIRTIO_GPU_SIDE_MIN       320   /* pixels of a display, each way */
#define VIRTIO_GPU_DISPLAY_MAX    4095  /* pixels of a display, each way: what an EDID can tell */
#define VIRTIO_GPU_RESOURCES_MAX  1024
#define VIRTIO_GPU_PIXEL          4 /* bytes */
#define VIRTIO_GPU_VRAM_DEFAULT   (256ULL << 20)
#define VIRTIO_GPU_WIDTH_DEFAULT  1280
#define VIRTIO_GPU_HEIGHT_DEFAULT 800

/* Pixels, from the upper left corner. */
struct virtio_gpu_area {
	uint32_t x, y;
	uint32_t width, height;
};

/* A picture on a display: the pixel at (x, y) has its 4 bytes at offset + y * stride + x * 4 of the memfd;
 * all of them lie inside it. */
struct virtio_gpu_scanout {
	int memfd;              /* stays the device's: who wants it longer than the call makes a duplicate */
	uint32_t width, height; /* pixels, 1 to VIRTIO_GPU_SIDE_MAX */
	uint32_t stride;        /* bytes from one line to the next */
	uint64_t offset;        /* bytes to the first pixel */
	uint64_t size;          /* bytes of the memfd */
	uint32_t format;        /* VIRTIO_GPU_FORMAT_* of linux/virtio_gpu.h (5.7.6.8): the order of bytes */
};

/* A pointer: its point (hot_x, hot_y) is at (x, y) of the display, which may be outside. */
struct virtio_gpu_cursor {
	const uint8_t *pixels; /* 64 lines of 64 pixels; NULL: it is hidden */
	uint32_t format;       /* as a scanout's; those with A have transparency, multiplied in */
	uint32_t hot_x, hot_y; /* 0 to 63 */
	int32_t x, y;
};

/* index: of the display, below the number of heads. */
struct virtio_gpu_display {
	/* It shows this from now on, whatever it showed before; the old picture may be gone. */
	void (*scanout_set)(struct virtio_gpu_display *display, unsigned index,
			    const struct virtio_gpu_scanout *scanout);
	/* It is dark. */
	void (*scanout_off)(struct virtio_gpu_display *display, unsigned index);
	/* This part of what it shows is new; the area lies inside the picture and is not empty. */
	void (*flush)(struct virtio_gpu_display *display, unsigned index, const struct virtio_gpu_area *area);
	/* A new pointer, or none. */
	void (*cursor_set)(struct virtio_gpu_display *display, unsigned index,
			   const struct virtio_gpu_cursor *cursor);
	/* The pointer that it has is elsewhere. */
	void (*cursor_move)(struct virtio_gpu_display *display, unsigned index, int32_t x, int32_t y);
};

struct virtio_gpu_options {
	unsigned heads;                     /* 1 to VIRTIO_GPU_HEADS_MAX */
	uint32_t width, height;             /* what each display would like at first; pixels */
	uint64_t vram;                      /* bytes */
	struct virtio_gpu_display *display; /* NULL: nobody looks; outlives the device */
};

struct virtio_device *virtio_gpu_create(const struct virtio_gpu_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err);
/* The display would like to be of this size, or, with 0 and 0, is not plugged in any more. The guest is told
 * (5.7.5.1, EDID), and follows in its time, or not. -EINVAL: there is no such display, or a side is not
 * within VIRTIO_GPU_SIDE_MIN and VIRTIO_GPU_DISPLAY_MAX. Any thread, without the device's locks. */
int virtio_gpu_set_size(struct virtio_device *device, unsigned index, uint32_t width, uint32_t height);
