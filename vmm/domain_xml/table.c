#include "vmm/domain_xml/table.h"

/* As libvirt prints a domain. */
const struct rule_group *const rule_groups[] = {
	&about_group,   &resource_group,   &os_group,      &cpu_group,    &life_group, &disk_group,
	&network_group, &filesystem_group, &display_group, &device_group, NULL,
};
