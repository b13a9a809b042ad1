#include <linux/interrupt.h>

int probe(void);

int probe(void)
{
#ifdef NEEDS_PATCH
    return in_hardirq() != 0;
#else
    return in_irq() != 0;
#endif
}
