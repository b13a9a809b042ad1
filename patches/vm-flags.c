#include <linux/mm.h>

vm_flags_t probe(struct vm_area_struct *vma);

vm_flags_t probe(struct vm_area_struct *vma)
{
#ifdef NEEDS_PATCH
    vm_flags_init(vma, vma->vm_flags | VM_IO);
    return vma->vm_flags;
#else
    return ACCESS_PRIVATE(vma, __vm_flags);
#endif
}
