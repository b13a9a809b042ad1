#include <linux/dma-map-ops.h>

int probe(const struct dma_map_ops *ops);

int probe(const struct dma_map_ops *ops)
{
#ifdef NEEDS_PATCH
    return ops->map_phys != NULL;
#else
    return ops->map_resource != NULL;
#endif
}
