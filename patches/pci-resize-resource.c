#include <linux/pci.h>

int probe(struct pci_dev *device);

int probe(struct pci_dev *device)
{
#ifdef NEEDS_PATCH
    return pci_resize_resource(device, 1, 1, 0);
#else
    return pci_resize_resource(device, 1, 1);
#endif
}
