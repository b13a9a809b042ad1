#include <linux/dma-buf.h>

int probe(struct dma_buf_attachment *attachment);

int probe(struct dma_buf_attachment *attachment)
{
#ifdef NEEDS_PATCH
    return attachment->importer_ops != NULL;
#else
    return dma_buf_attachment_is_dynamic(attachment);
#endif
}
