/* The screen of a guest that is no desktop: in XML it counts only where its size is said, so it always is. */
#include <string.h>

#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_xml.h"

static int video_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const char *role = cJSON_GetStringValue(json_key_get(object, "role"));
	int code;

	if (!json_key_get(object, "video") || json_key_get(object, "video.resolution") ||
	    (role && strcmp(role, "desktop") == 0))
		return 0;
	code = writer_set(writer, element, "devices/video/model/resolution/@x", "1280");
	return code == 0 ? writer_set(writer, element, "devices/video/model/resolution/@y", "800") : code;
}

const struct special special_video = {.write = video_write};
