# The ACPI power button powers off, in order.
touch /var/log/pressed
outside qmp system_powerdown
sleep 60
