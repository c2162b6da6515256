#include "vmm/storage/pool_report.h"

#include <stdio.h>

cJSON *pool_image_to_json(const struct pool *pool, const struct pool_image *image)
{
	cJSON *json = cJSON_CreateObject();
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.img", pool->dir, image->name);
	cJSON_AddStringToObject(json, "name", image->name);
	cJSON_AddNumberToObject(json, "size", (double)image->size);
	cJSON_AddNumberToObject(json, "allocated", (double)image->allocated);
	cJSON_AddStringToObject(json, "content", content_name(image->content));
	if (image->backing[0])
		cJSON_AddStringToObject(json, "backing", image->backing);
	cJSON_AddBoolToObject(json, "in_use", image->in_use);
	cJSON_AddNumberToObject(json, "modified", (double)image->modified);
	cJSON_AddStringToObject(json, "path", path);
	return json;
}
