#include "hypervisor/x86_64/topology.h"
