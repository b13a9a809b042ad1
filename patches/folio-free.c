#include <linux/memremap.h>
#include <linux/mm.h>

#ifdef NEEDS_PATCH
static void released(struct folio *folio)
{
}

const struct dev_pagemap_ops probe = {.folio_free = released};
#else
static void released(struct page *page)
{
}

const struct dev_pagemap_ops probe = {.page_free = released};
#endif
