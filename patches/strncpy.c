#include <linux/string.h>

void probe(char *to, const char *from, size_t length);

void probe(char *to, const char *from, size_t length)
{
#ifdef NEEDS_PATCH
    strscpy_pad(to, from, length);
#else
    strncpy(to, from, length);
#endif
}
