#include "devmodel/bus.h"
