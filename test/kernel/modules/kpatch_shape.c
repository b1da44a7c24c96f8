// SPDX-License-Identifier: GPL-2.0
/*
 * A livepatch laid out as kpatch-build lays out its own: what it replaces stands in .kpatch.funcs, and the struct klp_patch is made
 * of that when it is loaded. So no file tells whether it is cumulative.
 */
#include <linux/livepatch.h>
#include <linux/module.h>

struct kpatch_func {
	unsigned long new_addr;
	unsigned long new_size;
	unsigned long old_addr;
	unsigned long old_size;
	unsigned long sympos;
	const char *name;
	const char *objname;
};

static int new_target_value(void)
{
	return 9;
}

static const char name[] __section(".kpatch.strings") = "target_value";
static const char objname[] __section(".kpatch.strings") = "suture_target";

static struct kpatch_func replaced __used __section(".kpatch.funcs") = {
	.new_addr = (unsigned long)new_target_value,
	.name = name,
	.objname = objname,
};

static struct {
	struct klp_patch patch;
	struct klp_object objects[2];
	struct klp_func functions[2];
} made;

static int __init kpatch_shape_init(void)
{
	made.functions[0].old_name = replaced.name;
	made.functions[0].new_func = (void *)replaced.new_addr;
	made.objects[0].name = replaced.objname;
	made.objects[0].funcs = made.functions;
	made.patch.mod = THIS_MODULE;
	made.patch.objs = made.objects;
	return klp_enable_patch(&made.patch);
}

static void __exit kpatch_shape_exit(void)
{
}

module_init(kpatch_shape_init);
module_exit(kpatch_shape_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
