# The guest's ACPI tables, apart so that they build and are tested without the rest.
add_library(rastos_acpi STATIC acpi.c acpi_aml.c acpi_cpus.c acpi_pci.c acpi_srat.c)
target_link_libraries(rastos_acpi PUBLIC rastos_common rastos_x86_64)
