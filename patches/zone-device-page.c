#include <linux/memremap.h>
#include <linux/mm.h>

void probe(struct page *page, struct dev_pagemap *map);

void probe(struct page *page, struct dev_pagemap *map)
{
#ifdef NEEDS_PATCH
    zone_device_page_init(page, map, 0);
#else
    zone_device_page_init(page);
#endif
}
