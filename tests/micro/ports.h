/* Where a micro guest talks to its harness. Both sides include this. */
#pragma once

#define MICRO_PORT_END    0xf4 /* 32 bits: the guest function's result; ends the run */
#define MICRO_PORT_REPORT 0xf8 /* 32 bits: a value for the test to read or wait for */
