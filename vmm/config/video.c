#include "vmm/config/video.h"

#include "common/util.h"
#include "devmodel/virtio/gpu.h"

#define VRAM_MIN_KIB     1024
#define VRAM_MAX_KIB     (4U << 20)
#define VRAM_DEFAULT_KIB (VIRTIO_GPU_VRAM_DEFAULT / KIB(1))

static int read_model(const struct json_place *video)
{
	static const char *const words[] = {"virtio", NULL};
	unsigned model = 0;

	return json_word(video, "model", words, &model);
}

/* One side alone would be a shape that nobody chose. */
static int read_resolution(const struct json_place *video, struct video_definition *definition)
{
	static const char *const keys[] = {"x", "y", NULL};
	uint64_t x = 0, y = 0;
	struct json_place place;
	int code = json_object(video, "resolution", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_uint(&place, "x", VIRTIO_GPU_SIDE_MIN, VIRTIO_GPU_DISPLAY_MAX, &x)) < 0 ||
	    (code = json_uint(&place, "y", VIRTIO_GPU_SIDE_MIN, VIRTIO_GPU_DISPLAY_MAX, &y)) < 0)
		return code;
	if (!x || !y)
		return json_error(&place, x ? "y" : "x", "is missing: how many pixels?");
	definition->width = (uint32_t)x;
	definition->height = (uint32_t)y;
	return 0;
}

int video_definition_read(const struct json_place *root, struct video_definition *video)
{
	static const char *const keys[] = {"model", "heads", "resolution", "vram", NULL};
	uint64_t heads = 1, vram = VRAM_DEFAULT_KIB;
	struct json_place place;
	int code = json_object(root, "video", &place);

	if (code < 0 || !place.object)
		return code;
	video->width = VIRTIO_GPU_WIDTH_DEFAULT;
	video->height = VIRTIO_GPU_HEIGHT_DEFAULT;
	if ((code = json_keys(&place, keys)) < 0 || (code = read_model(&place)) < 0 ||
	    (code = json_uint(&place, "heads", 1, VIRTIO_GPU_HEADS_MAX, &heads)) < 0 ||
	    (code = read_resolution(&place, video)) < 0 ||
	    (code = json_uint(&place, "vram", VRAM_MIN_KIB, VRAM_MAX_KIB, &vram)) < 0)
		return code;
	if ((uint64_t)video->width * video->height * VIRTIO_GPU_PIXEL * heads > KIB(vram))
		return json_error(&place, "vram", "is too little: %u of %ux%u are %llu KiB", (unsigned)heads,
				  video->width, video->height,
				  (unsigned long long)((uint64_t)video->width * video->height *
						       VIRTIO_GPU_PIXEL * heads / KIB(1)));
	video->heads = (unsigned)heads;
	video->vram_kib = vram;
	return 0;
}
