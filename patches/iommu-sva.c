#include <linux/iommu.h>

int probe(struct device *device);

int probe(struct device *device)
{
#ifdef NEEDS_PATCH
    return IS_ERR(iommu_sva_bind_device(device, NULL));
#else
    return iommu_dev_enable_feature(device, IOMMU_DEV_FEAT_SVA);
#endif
}
