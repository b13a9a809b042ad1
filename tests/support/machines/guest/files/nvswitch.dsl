/*
 * A second PCI host bridge whose configuration space is ordinary memory (ACPI specification 6.5, sections 5.2 and 6.1;
 * PCI Firmware specification 3.3, section 4.1.3). What the kernel then finds on its bus is what was written there before
 * it booted: tests/support/machines/guest/pci.py writes it, QEMU's generic loader puts it in place. The address is taken from the kernel's
 * memory with memmap=1M$0x30000000, and the same address stands in tests/support/machines/guest/machine.py.
 */
DefinitionBlock ("", "SSDT", 2, "NVINST", "NVSWITCH", 1)
{
    Scope (\_SB)
    {
        /* Since Linux 6.12 a configuration space counts only where a motherboard resource reserves it. */
        Device (MRES)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_UID, 9)
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadWrite, 0x30000000, 0x00100000)
            })
        }

        Device (PCI9)
        {
            Name (_HID, EisaId ("PNP0A08"))
            Name (_CID, EisaId ("PNP0A03"))
            Name (_UID, 9)
            Name (_SEG, 1)
            Name (_BBN, 0)
            Name (_CBA, 0x30000000)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0, 0, 1)
            })
        }
    }
}
