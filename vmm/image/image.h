/*
 * `rastos-vmm image build|sign|verify|inspect`: signed boot images (hypervisor/boot/fit.h) on the command
 * line.
 */
#pragma once

/* argv[0] is "image"; prints what it has to say, and returns an enum exit_code. */
int command_image(int argc, char **argv);
